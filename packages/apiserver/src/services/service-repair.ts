import { type corev1, type networkingv1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import type { Store } from "@ladya/store"
import { type Clock, errorMessage, type Logger, type Timer } from "@ladya/util"
import type { ResourceStorage } from "../storage/resource-storage.ts"
import { type ClaimOwner, type Claims, isHeldBy, managedByLabel, manager, ownerText, portPrefix } from "./claims.ts"
import { specOf, TakenNumbers, type TakenNumbersDeps } from "./taken-numbers.ts"

export interface ServiceRepairDeps extends TakenNumbersDeps {
  addresses: ResourceStorage
  addressClaims: Claims
  portClaims: Claims
  client: Client
  store: Store
  clock: Clock
  log: Logger
}

/** Not while a server starts; then as often as elsewhere in Kubernetes. */
const firstMs = 15_000
const everyMs = 180_000
/** A claim may be made so long before its Service is. */
const graceMs = 60_000

/**
 * Makes claims that are missing, and takes away those of Services that are gone: what a server that died between two
 * writes has left, and what somebody deleted by hand. Every server does it; all come to the same.
 */
export class ServiceRepair {
  readonly #deps: ServiceRepairDeps
  readonly #numbers: TakenNumbers
  /** Ports that nobody had the last time: key and revision. */
  #unowned = new Map<string, number>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(deps: ServiceRepairDeps) {
    this.#deps = deps
    this.#numbers = new TakenNumbers(deps)
  }

  start(): void {
    this.#schedule(firstMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #schedule(ms: number): void {
    const { clock, log, random } = this.#deps
    const pass = (): void => {
      this.run()
        .catch((error: unknown) =>
          log.warn("the claims of Services were not looked after", { error: errorMessage(error) }),
        )
        .finally(() => {
          if (!this.#isStopped) this.#schedule(everyMs)
        })
    }
    // Servers that started together need not do it together.
    this.#timer = clock.setTimeout(pass, ms * (1 + 0.2 * random()), { unref: true })
  }

  /** One pass. */
  async run(): Promise<void> {
    // Claims first: one that is made meanwhile is not looked at, and its Service is read later than itself.
    const { addresses, services, store } = this.#deps
    await addresses.fresh()
    const claimed = [...addresses.cache.scan({ namespace: "", name: undefined })].map(
      ({ object }) => object as networkingv1.IPAddress,
    )
    const ports = (await store.list({ prefix: portPrefix })).items
    await services.fresh()
    const owners = new Map<string, ClaimOwner>()
    for (const { object } of services.cache.scan({ namespace: "", name: undefined })) {
      const { namespace = "", name = "" } = object.metadata
      const spec: corev1.ServiceSpec = specOf(object)
      for (const text of this.#numbers.addressesOf(spec)) owners.set(text, { namespace, name })
      for (const port of this.#numbers.portsOf(spec)) owners.set(String(port), { namespace, name })
    }
    await this.#repairAddresses(claimed, owners)
    const owned = new Map(ports.map(({ key, value }) => [key.slice(portPrefix.length), value.toString()]))
    await this.#makeMissing(owners, (number) => owned.has(number), "port")
    const unowned = ports.filter(({ key, value }) => {
      const owner = owners.get(key.slice(portPrefix.length))
      return !owner || ownerText(owner) !== value.toString()
    })
    for (const { key, modRevision } of unowned) {
      if (this.#unowned.get(key) === modRevision) await store.delete(key, modRevision)
    }
    this.#unowned = new Map(unowned.map(({ key, modRevision }) => [key, modRevision]))
  }

  async #repairAddresses(
    claimed: readonly networkingv1.IPAddress[],
    owners: ReadonlyMap<string, ClaimOwner>,
  ): Promise<void> {
    const { client, clock } = this.#deps
    const known = new Set(claimed.map(({ metadata }) => metadata.name ?? ""))
    await this.#makeMissing(owners, (number) => known.has(number), "address")
    for (const address of claimed) {
      const { name = "", uid = "", labels, creationTimestamp } = address.metadata
      const owner = owners.get(name)
      if (labels?.[managedByLabel] !== manager || (owner && isHeldBy(address, owner))) continue
      if (clock.now() - Date.parse(creationTimestamp ?? "") < graceMs) continue
      await client
        .resource(refs.ipaddresses)
        .delete(name, { preconditions: { uid } })
        .catch((error: unknown) => {
          if (!isStatus(error, "NotFound", "Conflict")) throw error
        })
    }
  }

  async #makeMissing(
    owners: ReadonlyMap<string, ClaimOwner>,
    isThere: (number: string) => boolean,
    what: "address" | "port",
  ): Promise<void> {
    const { log, addressClaims, portClaims } = this.#deps
    const claims = what === "address" ? addressClaims : portClaims
    for (const [number, owner] of owners) {
      const isAddress = /[.:]/.test(number)
      if (isAddress !== (what === "address") || isThere(number)) continue
      const outcome = await claims.claim(number, owner)
      log.info("a Service's claim was missing", { number, service: ownerText(owner), outcome })
    }
  }
}
