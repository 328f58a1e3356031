import {
  controllerOf,
  isStatus,
  type KubeObject,
  keyOf,
  keyText,
  newControllerRef,
  type ResourceRef,
  type Selector,
} from "@ladya/apimachinery"
import type { Client, Informer } from "@ladya/client"
import { byController, orphans } from "./indexes.ts"

export interface ClaimOptions<T extends KubeObject> {
  owner: KubeObject
  ownerRef: ResourceRef
  selector: Selector
  /** With the indexes of ownedInformer. */
  informer: Informer<T>
  client: Client
  /** What else must hold of an orphan that is taken up. */
  accepts?(object: T): boolean
  /** Told of every object that was adopted or released. */
  onWrite?(object: KubeObject): void
}

/**
 * The objects that belong to an owner: those it controls and selects. Takes up what it selects and nobody controls,
 * lets go of what it controls and no longer selects.
 */
export async function claimOwned<T extends KubeObject>(options: ClaimOptions<T>): Promise<T[]> {
  const { owner, selector, informer } = options
  const claimed: T[] = []
  const isGoing = owner.metadata.deletionTimestamp !== undefined
  for (const object of informer.byIndex(byController, owner.metadata.uid ?? "")) {
    if (object.metadata.namespace !== owner.metadata.namespace) continue
    if (selector.matches(object.metadata.labels)) claimed.push(object)
    else if (!isGoing) await release(options, object)
  }
  if (isGoing || selector.nothing) return claimed
  let mayAdopt: boolean | undefined
  for (const object of informer.byIndex(orphans, owner.metadata.namespace ?? "")) {
    if (object.metadata.deletionTimestamp || !selector.matches(object.metadata.labels)) continue
    if (options.accepts && !options.accepts(object)) continue
    mayAdopt ??= await isStillThere(options)
    const adopted = mayAdopt ? await adopt(options, object) : undefined
    if (adopted) claimed.push(adopted)
  }
  return claimed
}

/** Asks the API itself: the cache may not yet show that the owner is being deleted, or that it is another one. */
async function isStillThere({ owner, ownerRef, client }: ClaimOptions<KubeObject>): Promise<boolean> {
  try {
    const { namespace = "", name = "", uid } = owner.metadata
    const fresh = await client.resource(ownerRef).get(name, { namespace })
    return fresh.metadata.uid === uid && fresh.metadata.deletionTimestamp === undefined
  } catch (error) {
    if (isStatus(error, "NotFound")) return false
    throw error
  }
}

async function adopt<T extends KubeObject>(options: ClaimOptions<T>, object: T): Promise<T | undefined> {
  const patch = { metadata: { uid: object.metadata.uid, ownerReferences: [newControllerRef(options.owner)] } }
  return patchOwned(options, object, patch)
}

async function release<T extends KubeObject>(options: ClaimOptions<T>, object: T): Promise<void> {
  const reference = { $patch: "delete", uid: options.owner.metadata.uid }
  await patchOwned(options, object, { metadata: { uid: object.metadata.uid, ownerReferences: [reference] } })
}

/** Undefined when the object has gone, or is another one of the same name. */
async function patchOwned<T extends KubeObject>(
  { client, informer, onWrite }: ClaimOptions<T>,
  object: T,
  patch: unknown,
): Promise<T | undefined> {
  const { namespace = "", name = "" } = object.metadata
  try {
    const written = await client.resource(informer.ref).patch(name, "strategic", patch, { namespace })
    onWrite?.(written)
    return written
  } catch (error) {
    if (isStatus(error, "NotFound", "Invalid", "Conflict")) return undefined
    throw error
  }
}

/** The owner of this kind that controls an object, from the cache; undefined when it is gone or another one. */
export function controllingOwner<O extends KubeObject>(object: KubeObject, owners: Informer<O>): O | undefined {
  const reference = controllerOf(object)
  if (!reference || reference.kind !== owners.ref.kind) return undefined
  const { namespace = "" } = object.metadata
  const owner = owners.get(keyText({ namespace: owners.ref.namespaced ? namespace : "", name: reference.name }))
  return owner?.metadata.uid === reference.uid ? owner : undefined
}

/**
 * Enqueues the owners that a change of an owned object concerns: its controller, the one before, and, when it has none,
 * every owner that would select it.
 */
export function enqueueOwners<O extends KubeObject, T extends KubeObject>(options: {
  owned: Informer<T>
  owners: Informer<O>
  selects(owner: O, object: T): boolean
  enqueue(key: string, owner: O): void
}): void {
  const { owned, owners, selects, enqueue } = options
  const enqueueOwner = (owner: O | undefined): void => {
    if (owner) enqueue(keyText(keyOf(owner)), owner)
  }
  const enqueueSelecting = (object: T): void => {
    for (const owner of owners.inNamespace(object.metadata.namespace ?? "")) {
      if (selects(owner, object)) enqueueOwner(owner)
    }
  }
  owned.addHandler({
    add: (object) => {
      if (controllerOf(object)) enqueueOwner(controllingOwner(object, owners))
      else if (!object.metadata.deletionTimestamp) enqueueSelecting(object)
    },
    update: (object, previous) => {
      const owner = controllerOf(object)
      const before = controllerOf(previous)
      if (before && before.uid !== owner?.uid) enqueueOwner(controllingOwner(previous, owners))
      if (owner) {
        enqueueOwner(controllingOwner(object, owners))
        return
      }
      const isOther = before !== undefined || object.metadata.labels !== previous.metadata.labels
      if (isOther) enqueueSelecting(object)
    },
    delete: (object) => enqueueOwner(controllingOwner(object, owners)),
  })
}
