import { type corev1, isHeadless, needsClusterIP, parseIp, serviceAllocations } from "@ladya/api"
import { type FieldError, fieldError, type KubeObject, newStatusError, statusError } from "@ladya/apimachinery"
import { errorMessage, type Logger } from "@ladya/util"
import type { Reservation, WriteHooks } from "../handlers/operation.ts"
import type { ClaimOwner, Claims } from "./claims.ts"
import { Hold } from "./hold.ts"
import { specOf, TakenNumbers, type TakenNumbersDeps } from "./taken-numbers.ts"

export interface ServiceAllocatorDeps extends TakenNumbersDeps {
  addressClaims: Claims
  portClaims: Claims
  log: Logger
}

type Spec = corev1.ServiceSpec

const ownerOf = ({ metadata }: KubeObject): ClaimOwner => ({
  namespace: metadata.namespace ?? "",
  name: metadata.name ?? "",
})

/**
 * Gives Services their addresses and node ports. What is free is chosen from what this server knows: the stored
 * Services, and what its own writes are about to take. Then it is claimed before all servers on the store.
 */
export class ServiceAllocator implements WriteHooks {
  readonly #deps: ServiceAllocatorDeps
  readonly #taken: TakenNumbers
  #sequence = 0

  constructor(deps: ServiceAllocatorDeps) {
    this.#deps = deps
    this.#taken = new TakenNumbers(deps)
  }

  async beforeWrite(
    draft: KubeObject,
    previous: KubeObject | undefined,
    { dryRun }: { dryRun: boolean },
  ): Promise<Reservation> {
    await this.#taken.load()
    const service = draft as corev1.Service
    service.spec ??= {}
    const { spec } = service
    const before = this.#numbersOf(previous)
    const had = new Set([...before.addresses, ...before.ports])
    const hold = new Hold({ id: `pending ${++this.#sequence}`, owner: ownerOf(draft), had, dryRun })
    try {
      const errors = [
        ...(await this.#takeAddresses(spec, hold, specOf(previous))),
        ...(await this.#takePorts(spec, hold)),
      ]
      if (errors.length > 0)
        throw statusError.invalid({ group: "", kind: "Service" }, draft.metadata.name ?? "", errors)
    } catch (error) {
      await this.#quietly(hold.undo())
      throw error
    }
    const rollback = (): Promise<void> => this.#quietly(hold.undo())
    if (dryRun) return { commit: rollback, rollback }
    const commit = async (): Promise<void> => {
      // After the write the cache's event has taken over, or is about to: the hold lasts until then.
      void this.#deps.services.fresh().finally(() => hold.letGo())
      const now = this.#numbersOf(draft)
      await this.#giveBack(ownerOf(draft), {
        addresses: before.addresses.filter((text) => !now.addresses.includes(text)),
        ports: before.ports.filter((text) => !now.ports.includes(text)),
      })
    }
    return { commit, rollback }
  }

  afterDelete(object: KubeObject): Promise<void> {
    return this.#giveBack(ownerOf(object), this.#numbersOf(object))
  }

  #numbersOf(object: KubeObject | undefined): { addresses: string[]; ports: string[] } {
    const spec = specOf(object)
    return { addresses: this.#taken.addressesOf(spec), ports: this.#taken.portsOf(spec).map(String) }
  }

  #giveBack(owner: ClaimOwner, { addresses, ports }: { addresses: string[]; ports: string[] }): Promise<void> {
    const { addressClaims, portClaims } = this.#deps
    const all = [
      ...addresses.map((text) => addressClaims.release(text, owner)),
      ...ports.map((port) => portClaims.release(port, owner)),
    ]
    return this.#quietly(Promise.all(all))
  }

  /** A claim that stays behind is found by the repair. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#deps.log.warn("an address or port of a Service was not given back", { error: errorMessage(error) })
    }
  }

  async #takeAddresses(spec: Spec, hold: Hold, previous: Spec | undefined): Promise<FieldError[]> {
    if (!needsClusterIP(spec) || isHeadless(spec)) return []
    // A Service keeps its address: that it may not have another is for validation to say.
    const kept = previous && !isHeadless(previous) ? previous.clusterIPs?.[0] : undefined
    if (kept && spec.clusterIPs?.[0] && spec.clusterIPs[0] !== kept) return []
    const { family } = this.#taken.cidr.address
    if (spec.ipFamilyPolicy === "RequireDualStack") {
      return [
        fieldError.invalid(
          "spec.ipFamilyPolicy",
          spec.ipFamilyPolicy,
          "this cluster is not configured for dual-stack services",
        ),
      ]
    }
    const other = spec.ipFamilies?.findIndex((one) => one !== `IPv${family}`) ?? -1
    if (other >= 0) {
      return [
        fieldError.invalid(`spec.ipFamilies[${other}]`, spec.ipFamilies?.[other], "not configured on this cluster"),
      ]
    }
    const errors: FieldError[] = []
    for (const text of spec.clusterIPs ?? []) errors.push(...(await this.#takeAddress(text, spec, hold)))
    if (errors.length > 0) return errors
    for (const _family of serviceAllocations(spec).clusterIPFamilies) {
      spec.clusterIPs = [...(spec.clusterIPs ?? []), await this.#takeAnyAddress(hold)]
    }
    if (spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
    return []
  }

  async #takeAnyAddress(hold: Hold): Promise<string> {
    const { addresses } = this.#taken
    for (;;) {
      const offset = addresses.take(hold.id)
      if (offset === undefined) {
        throw newStatusError("InternalError", "failed to allocate a serviceIP: range is full", { retryAfterSeconds: 1 })
      }
      hold.note(addresses, offset)
      const text = this.#taken.addressAt(offset)
      if (await hold.claim(this.#deps.addressClaims, text)) return text
    }
  }

  async #takeAddress(text: string, spec: Spec, hold: Hold): Promise<FieldError[]> {
    // What is no address at all is for validation to say.
    if (!parseIp(text)) return []
    const { addresses } = this.#taken
    const offset = this.#taken.offsetOf(text)
    const failed = (why: string) => [
      fieldError.invalid("spec.clusterIPs", spec.clusterIPs, `failed to allocate IP ${text}: ${why}`),
    ]
    if (offset === undefined) {
      return failed(
        `the provided IP (${text}) is not in the valid range. The range of valid IPs is ${this.#deps.serviceCidr}`,
      )
    }
    if (!addresses.isFree(offset, hold.key)) return failed("provided IP is already allocated")
    addresses.hold(offset, hold.id)
    hold.note(addresses, offset)
    if (await hold.claim(this.#deps.addressClaims, text)) return []
    return failed("provided IP is already allocated")
  }

  async #takePorts(spec: Spec, hold: Hold): Promise<FieldError[]> {
    const errors: FieldError[] = []
    const own = new Set<number>()
    const ask = async (port: number, field: string): Promise<void> => {
      if (own.has(port)) return
      const problem = await this.#takePort(port, hold)
      if (problem) errors.push(fieldError.invalid(field, port, problem))
      else own.add(port)
    }
    for (const [index, port] of (spec.ports ?? []).entries()) {
      if (port.nodePort) await ask(port.nodePort, `spec.ports[${index}].nodePort`)
    }
    if (spec.healthCheckNodePort) await ask(spec.healthCheckNodePort, "spec.healthCheckNodePort")
    if (errors.length > 0) return errors
    const { nodePorts, healthCheckNodePort } = serviceAllocations(spec)
    for (const index of nodePorts) {
      const port = (spec.ports ?? [])[index] as corev1.ServicePort
      // The same port over another protocol gets the same number.
      const twin = spec.ports?.find(
        (other) => other !== port && other.port === port.port && other.nodePort && other.protocol !== port.protocol,
      )
      port.nodePort = twin?.nodePort ?? (await this.#takeAnyPort(hold, `spec.ports[${index}].nodePort`))
    }
    if (healthCheckNodePort) spec.healthCheckNodePort = await this.#takeAnyPort(hold, "spec.healthCheckNodePort")
    return []
  }

  /** Why it cannot be had, if so. */
  async #takePort(port: number, hold: Hold): Promise<string | undefined> {
    const { from, to } = this.#deps.nodePorts
    if (port < from || port > to) {
      return `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
    }
    const { ports } = this.#taken
    if (!ports.isFree(port - from, hold.key)) return "provided port is already allocated"
    ports.hold(port - from, hold.id)
    hold.note(ports, port - from)
    return (await hold.claim(this.#deps.portClaims, String(port))) ? undefined : "provided port is already allocated"
  }

  async #takeAnyPort(hold: Hold, field: string): Promise<number> {
    const { ports } = this.#taken
    for (;;) {
      const offset = ports.take(hold.id)
      if (offset === undefined) {
        throw statusError.internal(`failed to allocate a nodePort for ${field}: range is full`)
      }
      hold.note(ports, offset)
      const port = this.#deps.nodePorts.from + offset
      if (await hold.claim(this.#deps.portClaims, String(port))) return port
    }
  }
}
