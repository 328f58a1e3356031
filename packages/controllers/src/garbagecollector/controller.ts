import {
  apiVersionOf,
  isStatus,
  type KubeObject,
  type metav1,
  type ObjectKey,
  type ResourceRef,
} from "@ladya/apimachinery"
import {
  type Controller,
  done,
  type EventHandler,
  type Informer,
  newController,
  type Result,
  TerminalError,
} from "@ladya/client"
import { type Component, ComponentGroup, mapLimit, sleep } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import type { CatalogEntry } from "../shared/catalog.ts"
import { type Change, foregroundFinalizer, type Item, itemOf, itemText, OwnerGraph, orphanFinalizer } from "./graph.ts"
import { type OwnerState, planCollection } from "./plan.ts"

/** Nothing owns through these, and there are very many of them. */
const ignored = new Set(["events", "events.events.k8s.io"])
const parallel = 20
/** No longer than this is waited for the first lists. */
const maxSyncMs = 30_000
/** How many owners that are known to be gone are remembered. */
const maxAbsent = 500

/** Deletes what has no owner any more, and carries out foreground and orphaning deletions. */
export const garbageCollector: ControllerDefinition = {
  name: "generic-garbage-collector",
  account: "generic-garbage-collector",
  eventSource: "garbage-collector-controller",
  create: (context) => new GarbageCollector(context).component,
}

interface Source {
  informer: Informer<KubeObject>
  stopHandling(): void
}

class GarbageCollector {
  readonly component: Component
  readonly #context: ControllerContext
  readonly #graph = new OwnerGraph()
  readonly #sources = new Map<string, Source>()
  readonly #absent = new Set<string>()
  readonly #inspect: Controller
  readonly #orphan: Controller

  constructor(context: ControllerContext) {
    const { catalog, clock, log, metrics, config } = context
    this.#context = context
    const waitFor = [catalog, { synced: () => this.#synced() }]
    const options = { clock, log, metrics, waitFor }
    this.#inspect = newController({
      ...options,
      name: "garbage-collector",
      workers: config.workers * 2,
      reconciler: { reconcile: (key) => this.#inspectItem(key) },
    })
    this.#orphan = newController({
      ...options,
      name: "garbage-collector-orphans",
      workers: config.workers,
      reconciler: { reconcile: (key) => this.#orphanItem(key) },
    })
    for (const entry of catalog.entries()) this.#follow(entry)
    catalog.onChange(({ added, removed }) => {
      if (added) this.#follow(added)
      if (removed) this.#unfollow(removed)
    })
    this.component = new ComponentGroup("garbage-collector", [this.#inspect, this.#orphan], log)
  }

  /** A resource that cannot be listed must not stop the collection of all others: it is not waited for without end. */
  async #synced(): Promise<void> {
    const { clock, log } = this.#context
    const sources = [...this.#sources]
    const all = Promise.all(sources.map(([, { informer }]) => informer.synced()))
    const giveUp = new AbortController()
    const timeout = sleep(clock, maxSyncMs, giveUp.signal).then(
      () => {
        const late = sources.filter(([, { informer }]) => !informer.hasSynced).map(([name]) => name)
        if (late.length > 0) log.warn("starting although not all resources could be listed", { resources: late })
      },
      () => undefined,
    )
    await Promise.race([all, timeout])
    giveUp.abort()
  }

  #follow({ ref, verbs }: CatalogEntry): void {
    if (!["delete", "list", "watch"].every((verb) => verbs.includes(verb)) || ignored.has(resourceText(ref))) return
    const informer = this.#context.informers.informer(ref)
    const put = (object: KubeObject): void => this.#changed(this.#graph.put(itemOf(object, ref)))
    const handler: EventHandler<KubeObject> = {
      add: put,
      update: (object, previous) => {
        if (isSameForOwners(object, previous)) return
        put(object)
      },
      delete: (object) => {
        const { uid = "" } = object.metadata
        this.#rememberAbsent(uid)
        this.#changed(this.#graph.delete(uid))
      },
    }
    this.#sources.set(resourceText(ref), { informer, stopHandling: informer.addHandler(handler) })
  }

  #unfollow({ ref }: CatalogEntry): void {
    const source = this.#sources.get(resourceText(ref))
    if (!source) return
    source.stopHandling()
    this.#sources.delete(resourceText(ref))
    for (const object of source.informer.values()) this.#changed(this.#graph.delete(object.metadata.uid ?? ""))
    this.#context.informers.drop(ref)
  }

  #changed({ inspect, orphan }: Change): void {
    for (const item of inspect) this.#inspect.enqueue(item.uid)
    for (const item of orphan) this.#orphan.enqueue(item.uid)
  }

  #rememberAbsent(uid: string): void {
    this.#absent.add(uid)
    if (this.#absent.size > maxAbsent) this.#absent.delete(this.#absent.values().next().value as string)
  }

  async #inspectItem({ name: uid }: ObjectKey): Promise<Result> {
    const known = this.#graph.get(uid)
    if (!known || (known.isBeingDeleted && !known.isDeletingDependents)) return done
    if (!known.isDeletingDependents && this.#isHeld(known)) return done
    // What is deleted by mistake cannot be brought back: decide on the object as it is now, not as it was.
    const item = await this.#fetch(known)
    if (!item) return done
    if (item.isDeletingDependents) return this.#finishForeground(item)
    if (item.isBeingDeleted) return done
    const owners: { reference: metav1.OwnerReference; state: OwnerState }[] = []
    for (const reference of item.owners) owners.push({ reference, state: await this.#ownerState(item, reference) })
    const plan = planCollection({ item, owners, hasDependents: this.#graph.hasDependents(uid) })
    if (plan.kind === "delete") {
      if (plan.policy === "Foreground") await this.#unblockCircles(item)
      await this.#delete(item, plan.policy)
    } else if (plan.kind === "dropOwners") await this.#dropOwners(item, plan.uids)
    return done
  }

  /** Whether the cache alone shows that the object stays: at start, dependents are often listed before their owners. */
  #isHeld(item: Item): boolean {
    return item.owners.every((reference) => {
      const owner = this.#graph.get(reference.uid)
      return (
        owner !== undefined &&
        !owner.isDeletingDependents &&
        owner.name === reference.name &&
        owner.ref.kind === reference.kind &&
        (!owner.ref.namespaced || owner.namespace === item.namespace)
      )
    })
  }

  /** The object itself, from the API; undefined when it is gone or another one of that name. */
  async #fetch(item: Item): Promise<Item | undefined> {
    const object = await this.#get(item.ref, item.namespace, item.name)
    if (object?.metadata.uid === item.uid) return itemOf(object, item.ref)
    // Its deletion was missed, or is still to come: either way nothing is left to do.
    return undefined
  }

  async #get(ref: ResourceRef, namespace: string, name: string): Promise<KubeObject | undefined> {
    try {
      return await this.#context.client.resource(ref).get(name, { namespace })
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    }
  }

  async #ownerState(item: Item, reference: metav1.OwnerReference): Promise<OwnerState> {
    const known = this.#graph.get(reference.uid)
    if (known && known.name === reference.name && known.ref.kind === reference.kind) {
      const isHere = !known.ref.namespaced || known.namespace === item.namespace
      if (isHere) return known.isDeletingDependents ? "waiting" : "solid"
    }
    if (known?.ref.namespaced && item.namespace && known.namespace !== item.namespace)
      this.#tellWrongNamespace(item, reference, known.namespace)
    // An owner that was seen to go is gone for all; one that was not found, for those who look in that namespace.
    const absentKey = `${reference.uid}|${item.namespace}`
    if (this.#absent.has(reference.uid) || this.#absent.has(absentKey)) return "absent"
    const ref = this.#context.catalog.resourceOf(reference.apiVersion, reference.kind)
    if (!ref) throw new Error(`${itemText(item)}: its owner's kind ${reference.kind} is not served`)
    if (ref.namespaced && !item.namespace) {
      this.#tellWrongNamespace(item, reference, "")
      throw new TerminalError(`${itemText(item)}: its owner is namespaced, it is not`)
    }
    const owner = await this.#get(ref, ref.namespaced ? item.namespace : "", reference.name)
    if (owner?.metadata.uid !== reference.uid) {
      this.#rememberAbsent(absentKey)
      return "absent"
    }
    return itemOf(owner, ref).isDeletingDependents ? "waiting" : "solid"
  }

  /** An owner is looked for in the namespace of its dependent, or has none. */
  #tellWrongNamespace(item: Item, reference: metav1.OwnerReference, namespace: string): void {
    const { ref, name, uid } = item
    const { apiVersion, kind, name: owner, uid: ownerUid } = reference
    this.#context.recorder.event(
      {
        apiVersion: apiVersionOf(ref),
        kind: ref.kind,
        name,
        uid,
        ...(item.namespace ? { namespace: item.namespace } : {}),
      },
      "Warning",
      "OwnerRefInvalidNamespace",
      `ownerRef [${apiVersion}/${kind}, namespace: ${namespace}, name: ${owner}, uid: ${ownerUid}] does not exist in namespace ${JSON.stringify(item.namespace)}`,
    )
  }

  async #delete(item: Item, propagationPolicy: "Background" | "Foreground" | "Orphan"): Promise<void> {
    const { uid, ref, namespace, name } = item
    this.#context.log.debug("deleting an object whose owners are gone", { object: itemText(item), propagationPolicy })
    await this.#context.client
      .resource(ref)
      .delete(name, { namespace, propagationPolicy, preconditions: { uid } })
      .catch((error: unknown) => {
        if (!isStatus(error, "NotFound")) throw error
      })
  }

  async #dropOwners(item: Item, uids: readonly string[]): Promise<void> {
    await this.#patch(item, (object) => ({
      ownerReferences: (object.metadata.ownerReferences ?? []).filter((one) => !uids.includes(one.uid)),
    }))
  }

  /** An owner that waits for its dependents is let go when none holds it up any more. */
  async #finishForeground(item: Item): Promise<Result> {
    const blocking = this.#graph
      .dependentsOf(item.uid)
      .filter((one) => one.owners.some((owner) => owner.uid === item.uid && owner.blockOwnerDeletion))
    if (blocking.length === 0) {
      await this.#removeFinalizer(item, foregroundFinalizer)
      return done
    }
    for (const dependent of blocking) if (!dependent.isDeletingDependents) this.#inspect.enqueue(dependent.uid)
    return done
  }

  /** Objects that own each other in a circle would wait for each other for ever. */
  async #unblockCircles(item: Item): Promise<void> {
    if (!this.#graph.dependentsOf(item.uid).some((one) => one.isDeletingDependents)) return
    await this.#patch(item, (object) => ({
      ownerReferences: (object.metadata.ownerReferences ?? []).map((one) => ({ ...one, blockOwnerDeletion: false })),
    }))
  }

  async #orphanItem({ name: uid }: ObjectKey): Promise<Result> {
    const item = this.#graph.get(uid)
    if (!item?.isOrphaning) return done
    await mapLimit(this.#graph.dependentsOf(uid), parallel, (dependent) => this.#dropOwners(dependent, [uid]))
    await this.#removeFinalizer(item, orphanFinalizer)
    return done
  }

  async #removeFinalizer(item: Item, finalizer: string): Promise<void> {
    await this.#patch(item, (object) => ({
      finalizers: (object.metadata.finalizers ?? []).filter((one) => one !== finalizer),
    }))
  }

  /** Changes the metadata of the object as it is now; one that is gone, or another, is left alone. */
  async #patch(item: Item, change: (object: KubeObject) => Partial<metav1.ObjectMeta>): Promise<void> {
    const { ref, namespace, name, uid } = item
    const object = await this.#get(ref, namespace, name)
    if (object?.metadata.uid !== uid) return
    const metadata = { uid, resourceVersion: object.metadata.resourceVersion, ...change(object) }
    try {
      await this.#context.client.resource(ref).patch(name, "merge", { metadata }, { namespace })
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error
    }
  }
}

function resourceText(ref: ResourceRef): string {
  return ref.group ? `${ref.resource}.${ref.group}` : ref.resource
}

/** Most updates change neither owners nor whether and how the object goes. */
function isSameForOwners(object: KubeObject, previous: KubeObject): boolean {
  const { ownerReferences, finalizers, deletionTimestamp } = object.metadata
  const before = previous.metadata
  if (deletionTimestamp !== before.deletionTimestamp) return false
  if (deletionTimestamp && JSON.stringify(finalizers) !== JSON.stringify(before.finalizers)) return false
  if (ownerReferences === before.ownerReferences) return true
  return JSON.stringify(ownerReferences) === JSON.stringify(before.ownerReferences)
}
