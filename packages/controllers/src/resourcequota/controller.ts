import {
  addUsage,
  type corev1,
  isPodTerminal,
  type QuotaUsage,
  quotaCovers,
  quotaTarget,
  quotaUsage,
  refs,
} from "@ladya/api"
import {
  formatQuantity,
  jsonEqual,
  type KubeObject,
  keyOf,
  keyText,
  type ObjectKey,
  type ResourceRef,
} from "@ladya/apimachinery"
import { type Controller, done, type Informer, newController, type Result, requeueAfter } from "@ladya/client"
import type { Component } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { Freshness } from "../shared/freshness.ts"
import { writeStatus } from "../shared/status.ts"

type Quota = corev1.ResourceQuota

/** Changes come in bursts, and each count looks at a whole namespace. */
const settleMs = 100
/** Admission reserves before the object is stored: a count so soon after would take the reservation back. */
const quietMs = 500
/** Pods that should be gone stop counting by time alone. */
const recountMs = 300_000

/** Counts what is used of each quota. New objects are counted by admission; here it is what goes or shrinks. */
export const resourceQuotaController: ControllerDefinition = {
  name: "resourcequota",
  account: "resourcequota-controller",
  create: (context) => new QuotaCounter(context).component,
}

class QuotaCounter {
  readonly component: Component
  readonly #context: ControllerContext
  readonly #quotas: Informer<Quota>
  readonly #controller: Controller
  readonly #fresh: Freshness<Quota>
  /** Informers of what quotas count, made when the first quota counts it. */
  readonly #counted = new Map<string, Informer<KubeObject>>()

  /** When `used` was last seen to change, in milliseconds of the monotonic clock. */
  readonly #changedAt = new Map<string, number>()

  constructor(context: ControllerContext) {
    const { informers, catalog, clock, log, metrics, config } = context
    this.#context = context
    this.#quotas = informers.informer(refs.resourcequotas)
    this.#fresh = new Freshness(this.#quotas, clock)
    this.#controller = newController({
      name: "resourcequota",
      reconciler: { reconcile: (key) => this.#reconcile(key) },
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [this.#quotas, catalog],
    })
    this.component = this.#controller
    catalog.onChange(({ removed }) => {
      if (removed) this.#counted.delete(`${removed.ref.group}/${removed.ref.resource}`)
    })
    const enqueue = (quota: Quota): void => this.#controller.enqueue(keyOf(quota))
    this.#quotas.addHandler({
      add: enqueue,
      update: (quota, previous) => {
        if (!jsonEqual(quota.status?.used, previous.status?.used)) {
          this.#changedAt.set(keyText(keyOf(quota)), clock.monotonic())
        }
        enqueue(quota)
      },
      delete: (quota) => void this.#changedAt.delete(keyText(keyOf(quota))),
    })
  }

  async #reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock } = this.#context
    const quota = this.#quotas.get(key)
    if (!quota || quota.metadata.deletionTimestamp) return done
    if (!this.#fresh.isFresh(keyText(key))) return done
    const quietForMs = clock.monotonic() - (this.#changedAt.get(keyText(key)) ?? Number.NEGATIVE_INFINITY)
    if (quietForMs < quietMs) return requeueAfter(quietMs - quietForMs)
    const hard = quota.spec?.hard ?? {}
    const sum: QuotaUsage = new Map()
    for (const { informer, ref } of await this.#informersFor(Object.keys(hard))) {
      for (const object of informer.inNamespace(key.namespace)) {
        if (quotaCovers(quota, object, ref)) addUsage(sum, quotaUsage(object, ref, clock.now()))
      }
    }
    const used: Record<string, string> = {}
    for (const name of Object.keys(hard)) {
      const amount = sum.get(name)
      used[name] = amount ? formatQuantity(amount) : "0"
    }
    const written = await writeStatus(client.resource(refs.resourcequotas), quota, { hard, used })
    if (written) this.#fresh.wrote(keyText(key), written)
    return requeueAfter(recountMs)
  }

  async #informersFor(names: readonly string[]): Promise<{ informer: Informer<KubeObject>; ref: ResourceRef }[]> {
    const found = new Map<string, { informer: Informer<KubeObject>; ref: ResourceRef }>()
    const entries = this.#context.catalog.entries()
    for (const name of names) {
      const target = quotaTarget(name)
      const entry = entries.find(({ ref }) => ref.group === target?.group && ref.resource === target.resource)
      if (!entry?.ref.namespaced || !entry.verbs.includes("watch")) continue
      const id = `${entry.ref.group}/${entry.ref.resource}`
      if (!found.has(id)) found.set(id, { informer: this.#follow(id, entry.ref), ref: entry.ref })
    }
    await Promise.all([...found.values()].map(({ informer }) => informer.synced()))
    return [...found.values()]
  }

  #follow(id: string, ref: ResourceRef): Informer<KubeObject> {
    const known = this.#counted.get(id)
    if (known) return known
    const informer = this.#context.informers.informer(ref)
    this.#counted.set(id, informer)
    const recount = (object: KubeObject): void => {
      for (const quota of this.#quotas.inNamespace(object.metadata.namespace ?? "")) {
        this.#controller.enqueueAfter(keyOf(quota), settleMs)
      }
    }
    informer.addHandler({
      add: recount,
      update: (object, previous) => {
        if (mayUseOther(object, previous)) recount(object)
      },
      delete: recount,
    })
    return informer
  }
}

/** Status updates of pods come all the time, and matter only when the pod ends or changes its resources. */
function mayUseOther(object: KubeObject, previous: KubeObject): boolean {
  if (object.kind === "Pod" && isPodTerminal(object as corev1.Pod) !== isPodTerminal(previous as corev1.Pod))
    return true
  return object.metadata.generation !== previous.metadata.generation || specOf(object) !== specOf(previous)
}

function specOf(object: KubeObject): string {
  if (object.kind !== "Service" && object.kind !== "PersistentVolumeClaim" && object.kind !== "Pod") return ""
  return JSON.stringify((object as KubeObject & { spec?: unknown }).spec)
}
