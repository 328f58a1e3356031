import { type corev1, type QuotaUsage, quotaCovers, quotaTarget, quotaUsage, refs } from "@ladya/api"
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isStatus,
  parseQuantity,
  type Quantity,
  statusError,
} from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import type { Clock } from "@ladya/util"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { refusal } from "./refuse.ts"

type Quota = corev1.ResourceQuota
/** Other servers and the controller write the same status: so often it is tried again. */
const attempts = 10
/** What must stand at each container as soon as a quota limits it. */
const required = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"]
const changing = new Set(["pods", "services", "persistentvolumeclaims"])

export interface ResourceQuotaDeps {
  quotasIn: (namespace: string) => readonly Quota[]
  client: Client
  clock: Clock
}

/**
 * Refuses what would use more than a quota allows. What passes is written into the quota's status first, on condition
 * that nobody wrote since: requests to several servers cannot together exceed. The controller gives back what was
 * reserved and not used.
 */
export class ResourceQuota implements AdmissionPlugin {
  readonly name = "ResourceQuota"
  readonly #deps: ResourceQuotaDeps
  /** The last reservation of each namespace: those of one server wait for each other instead of conflicting. */
  readonly #queues = new Map<string, Promise<unknown>>()

  constructor(deps: ResourceQuotaDeps) {
    this.#deps = deps
  }

  /** How many writes of each namespace have reserved and are not stored yet. */
  readonly #inFlight = new Map<string, number>()

  handles(attributes: AdmissionAttributes): boolean {
    const { operation, kind, subresource, namespace } = attributes
    if (isRecount(attributes)) return this.#inFlight.has(namespace)
    const isWrite =
      operation === "CREATE"
        ? subresource === ""
        : operation === "UPDATE" &&
          kind.group === "" &&
          changing.has(kind.resource) &&
          (subresource === "" || (kind.resource === "pods" && subresource === "resize"))
    return isWrite && namespace !== "" && this.#deps.quotasIn(namespace).length > 0
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (isRecount(attributes)) {
      checkRecount(attributes)
      return
    }
    const quotas = this.#deps.quotasIn(attributes.namespace)
    const wanted = quotas.filter((quota) => this.#demand(attributes, quota).size > 0)
    if (wanted.length > 0) await this.#inTurn(attributes.namespace, () => this.#reserveAll(attributes, wanted))
  }

  async #inTurn(namespace: string, work: () => Promise<void>): Promise<void> {
    const before = this.#queues.get(namespace) ?? Promise.resolve()
    const mine = before.then(work)
    const settled = mine.catch(() => undefined)
    this.#queues.set(namespace, settled)
    try {
      await mine
    } finally {
      if (this.#queues.get(namespace) === settled) this.#queues.delete(namespace)
    }
  }

  async #reserveAll(attributes: AdmissionAttributes, quotas: readonly Quota[]): Promise<void> {
    // All are asked before the first is written: a refusal by one reserves nothing of the others.
    const checked: Quota[] = []
    for (const { metadata } of quotas) {
      const live = await this.#live(attributes.namespace, metadata.name ?? "")
      if (!live) continue
      planReservation(attributes, live, this.#demand(attributes, live))
      checked.push(live)
    }
    if (attributes.dryRun || checked.length === 0) return
    this.#noteInFlight(attributes)
    for (const quota of checked) await this.#reserve(attributes, quota)
  }

  /** From before the reservation is written until the object is stored, or is not. */
  #noteInFlight(attributes: AdmissionAttributes): void {
    const { namespace } = attributes
    this.#inFlight.set(namespace, (this.#inFlight.get(namespace) ?? 0) + 1)
    attributes.whenDone ??= []
    attributes.whenDone.push(() => {
      const left = (this.#inFlight.get(namespace) ?? 1) - 1
      if (left > 0) this.#inFlight.set(namespace, left)
      else this.#inFlight.delete(namespace)
    })
  }

  async #reserve(attributes: AdmissionAttributes, quota: Quota): Promise<void> {
    const { namespace } = attributes
    const name = quota.metadata.name ?? ""
    let live: Quota | undefined = quota
    for (let attempt = 1; live; attempt++) {
      const used = planReservation(attributes, live, this.#demand(attributes, live))
      if (!used) return
      try {
        const status = { ...live.status, used }
        await this.#deps.client.resource(refs.resourcequotas).updateStatus({ ...live, status })
        return
      } catch (error) {
        if (isStatus(error, "NotFound")) return
        if (!isStatus(error, "Conflict") || attempt === attempts) throw error
      }
      live = await this.#live(namespace, name)
    }
  }

  async #live(namespace: string, name: string): Promise<Quota | undefined> {
    try {
      return await this.#deps.client.resource(refs.resourcequotas).get(name, { namespace })
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    }
  }

  /** What the write adds to what the quota counts; empty when that is nothing. Throws when amounts are left out. */
  #demand(attributes: AdmissionAttributes, quota: Quota): QuotaUsage {
    const { kind, object, previous } = attributes
    const added: QuotaUsage = new Map()
    const names = Object.keys(quota.spec?.hard ?? {}).filter((name) => {
      const target = quotaTarget(name)
      return target?.group === kind.group && target.resource === kind.resource
    })
    if (!object || names.length === 0 || !quotaCovers(quota, object, kind)) return added
    if (kind.group === "" && kind.resource === "pods") checkStated(attributes, quota, names)
    const now = this.#deps.clock.now()
    const next = quotaUsage(object, kind, now)
    const before = previous && quotaCovers(quota, previous, kind) ? quotaUsage(previous, kind, now) : undefined
    for (const name of names) {
      const amount = next.get(name)
      if (!amount) continue
      const nanos = amount.nanos - (before?.get(name)?.nanos ?? 0n)
      if (nanos > 0n) added.set(name, { nanos, format: amount.format })
    }
    return added
  }
}

/** Somebody counts anew, and writes what was found. */
const isRecount = ({ operation, kind, subresource }: AdmissionAttributes): boolean =>
  operation === "UPDATE" && subresource === "status" && kind.group === "" && kind.resource === "resourcequotas"

/** Who counts while a write is on its way does not see its object: a smaller number has to wait until it has landed. */
function checkRecount({ kind, name, object, previous }: AdmissionAttributes): void {
  const next = (object as Quota).status?.used ?? {}
  for (const [resource, standing] of Object.entries((previous as Quota).status?.used ?? {})) {
    const value = next[resource]
    if (value !== undefined && compareQuantities(value, standing) < 0) {
      throw statusError.conflict(kind, name, "objects that are counted are being written; count again")
    }
  }
}

/** Quotas of compute resources can only count pods that say what they need. */
function checkStated(attributes: AdmissionAttributes, quota: Quota, names: readonly string[]): void {
  const { spec } = attributes.object as corev1.Pod
  const parts: string[] = []
  for (const name of required.filter((one) => names.includes(one)).sort()) {
    const [side, resource] = name.startsWith("limits.")
      ? (["limits", name.slice("limits.".length)] as const)
      : (["requests", name.replace("requests.", "")] as const)
    if (spec?.resources?.[side]?.[resource] !== undefined) continue
    const without = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      .filter((container) => container.resources?.[side]?.[resource] === undefined)
      .map((container) => container.name)
      .sort()
    if (without.length > 0) parts.push(`${name} for: ${without.join(",")}`)
  }
  if (parts.length > 0) {
    throw refusal(attributes, `failed quota: ${quota.metadata.name}: must specify ${parts.join("; ")}`)
  }
}

/** The `used` that is to be written; undefined when nothing is added. Throws the 403 of a quota that is used up. */
export function planReservation(
  attributes: AdmissionAttributes,
  quota: Quota,
  demand: QuotaUsage,
): Record<string, string> | undefined {
  if (demand.size === 0) return undefined
  const { hard = {}, used = {} } = quota.status ?? {}
  const unknown = [...demand.keys()].filter((name) => hard[name] === undefined || used[name] === undefined)
  if (unknown.length > 0) {
    throw refusal(
      attributes,
      `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.sort().join(",")}`,
    )
  }
  const next = { ...used }
  const exceeded: string[] = []
  for (const [name, amount] of demand) {
    const sum = addQuantities(parseQuantity(used[name] ?? "0"), amount)
    if (compareQuantities(sum, hard[name] ?? "0") > 0) exceeded.push(name)
    next[name] = formatQuantity(sum)
  }
  if (exceeded.length === 0) return next
  const show = (of: (name: string) => Quantity | string | undefined): string =>
    exceeded
      .sort()
      .map((name) => `${name}=${formatQuantity(parseQuantity(of(name) ?? "0"))}`)
      .join(",")
  throw refusal(
    attributes,
    `exceeded quota: ${quota.metadata.name}, requested: ${show((name) => demand.get(name))}, used: ${show((name) => used[name])}, limited: ${show((name) => hard[name])}`,
  )
}
