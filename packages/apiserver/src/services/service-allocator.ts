import {
  type Cidr,
  cidrContains,
  cidrRange,
  type corev1,
  formatIp,
  isHeadless,
  needsClusterIP,
  parseCidr,
  parseIp,
  serviceAllocations,
} from "@ladya/api"
import { type FieldError, fieldError, type KubeObject, newStatusError, statusError } from "@ladya/apimachinery"
import type { Random } from "@ladya/util"
import type { Reservation, WriteHooks } from "../handlers/operation.ts"
import type { ResourceStorage } from "../storage/resource-storage.ts"
import { AddressPool } from "./address-pool.ts"

export interface ServiceAllocatorDeps {
  services: ResourceStorage
  serviceCidr: string
  /** Inclusive. */
  nodePorts: { from: number; to: number }
  random: Random
}

type Spec = corev1.ServiceSpec

/**
 * Gives Services their addresses and node ports. What is taken is read off the stored Services and followed from
 * there; what a write is about to take is held meanwhile, so that no two writes get the same.
 */
export class ServiceAllocator implements WriteHooks {
  readonly #deps: ServiceAllocatorDeps
  readonly #cidr: Cidr
  readonly #first: bigint
  readonly #size: number
  readonly #addresses: AddressPool
  readonly #ports: AddressPool
  #ready: Promise<void> | undefined
  #sequence = 0

  constructor(deps: ServiceAllocatorDeps) {
    this.#deps = deps
    const cidr = parseCidr(deps.serviceCidr)
    if (!cidr) throw new Error(`the range of Service addresses is no CIDR: ${deps.serviceCidr}`)
    this.#cidr = cidr
    const { first, size } = cidrRange(cidr)
    this.#first = first
    // A million addresses are enough to choose from.
    this.#size = Number(size > 1_048_576n ? 1_048_576n : size)
    const { random, nodePorts } = deps
    const ports = nodePorts.to - nodePorts.from + 1
    this.#addresses = new AddressPool({ size: this.#size, reservedForStatic: staticBand(this.#size, 16, 256), random })
    this.#ports = new AddressPool({ size: ports, reservedForStatic: staticBand(ports, 32, 128), random })
    // Neither the network's own address nor the broadcast one is given.
    this.#addresses.hold(0, "network")
    if (this.#size > 1) this.#addresses.hold(this.#size - 1, "broadcast")
  }

  async beforeWrite(
    draft: KubeObject,
    _previous: KubeObject | undefined,
    options: { dryRun: boolean },
  ): Promise<Reservation> {
    await this.#load()
    const service = draft as corev1.Service
    service.spec ??= {}
    const { spec } = service
    const { namespace, name } = draft.metadata
    const hold = new Hold(`pending ${++this.#sequence}`, `${namespace}/${name}`)
    try {
      const errors = [...this.#takeAddresses(spec, hold), ...this.#takePorts(spec, hold)]
      if (errors.length > 0) throw statusError.invalid({ group: "", kind: "Service" }, name ?? "", errors)
    } catch (error) {
      hold.release()
      throw error
    }
    if (options.dryRun) return { commit: () => hold.release(), rollback: () => hold.release() }
    // After the write the cache's event has taken over, or is about to: the hold lasts until then.
    return { commit: () => this.#releaseWhenSeen(hold), rollback: () => hold.release() }
  }

  #load(): Promise<void> {
    this.#ready ??= this.#follow()
    return this.#ready
  }

  async #follow(): Promise<void> {
    const { services } = this.#deps
    await services.fresh()
    const known = new Map<string, { addresses: number[]; ports: number[] }>()
    const set = (key: string, spec: Spec | undefined): void => {
      const before = known.get(key)
      for (const address of before?.addresses ?? []) this.#addresses.release(address, key)
      for (const port of before?.ports ?? []) this.#ports.release(port, key)
      known.delete(key)
      if (!spec) return
      const now = { addresses: this.#addressesOf(spec), ports: this.#portsOf(spec) }
      for (const address of now.addresses) this.#addresses.hold(address, key)
      for (const port of now.ports) this.#ports.hold(port, key)
      known.set(key, now)
    }
    const readAll = (): void => {
      for (const key of [...known.keys()]) set(key, undefined)
      for (const entry of services.cache.scan({ namespace: "", name: undefined })) set(entry.key, specOf(entry.object))
    }
    readAll()
    services.cache.subscribe(
      (events) => {
        for (const event of events) {
          set(event.entry.key, event.type === "DELETED" ? undefined : specOf(event.entry.object))
        }
      },
      () => void services.fresh().then(readAll),
    )
  }

  #releaseWhenSeen(hold: Hold): void {
    void this.#deps.services.fresh().finally(() => hold.release())
  }

  #addressesOf(spec: Spec): number[] {
    if (!needsClusterIP(spec) || isHeadless(spec)) return []
    return (spec.clusterIPs ?? []).flatMap((text) => {
      const offset = this.#offsetOf(text)
      return offset === undefined ? [] : [offset]
    })
  }

  #portsOf(spec: Spec): number[] {
    const { from, to } = this.#deps.nodePorts
    const all = [...(spec.ports ?? []).map((port) => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0]
    return [...new Set(all)].filter((port) => port >= from && port <= to).map((port) => port - from)
  }

  #offsetOf(text: string): number | undefined {
    const ip = parseIp(text)
    if (!ip || !cidrContains(this.#cidr, ip)) return undefined
    return Number(ip.value - this.#first)
  }

  #takeAddresses(spec: Spec, hold: Hold): FieldError[] {
    if (!needsClusterIP(spec) || isHeadless(spec)) return []
    if (spec.ipFamilyPolicy === "RequireDualStack") {
      return [
        fieldError.invalid(
          "spec.ipFamilyPolicy",
          spec.ipFamilyPolicy,
          "this cluster is not configured for dual-stack services",
        ),
      ]
    }
    const other = spec.ipFamilies?.findIndex((family) => family !== `IPv${this.#cidr.address.family}`) ?? -1
    if (other >= 0) {
      return [
        fieldError.invalid(`spec.ipFamilies[${other}]`, spec.ipFamilies?.[other], "not configured on this cluster"),
      ]
    }
    const errors = (spec.clusterIPs ?? []).flatMap((text) => this.#takeAddress(text, spec, hold))
    if (errors.length > 0) return errors
    for (const _family of serviceAllocations(spec).clusterIPFamilies) {
      const offset = this.#addresses.take(hold.id)
      if (offset === undefined) {
        throw newStatusError("InternalError", "failed to allocate a serviceIP: range is full", { retryAfterSeconds: 1 })
      }
      hold.note(this.#addresses, offset)
      const text = formatIp({ family: this.#cidr.address.family, value: this.#first + BigInt(offset) })
      spec.clusterIPs = [...(spec.clusterIPs ?? []), text]
    }
    if (spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
    return []
  }

  #takeAddress(text: string, spec: Spec, hold: Hold): FieldError[] {
    // What is no address at all is for validation to say.
    if (!parseIp(text)) return []
    const offset = this.#offsetOf(text)
    const failed = (why: string) => [
      fieldError.invalid("spec.clusterIPs", spec.clusterIPs, `failed to allocate IP ${text}: ${why}`),
    ]
    if (offset === undefined) {
      return failed(
        `the provided IP (${text}) is not in the valid range. The range of valid IPs is ${this.#deps.serviceCidr}`,
      )
    }
    if (!this.#addresses.isFree(offset, hold.key)) return failed("provided IP is already allocated")
    this.#addresses.hold(offset, hold.id)
    hold.note(this.#addresses, offset)
    return []
  }

  #takePorts(spec: Spec, hold: Hold): FieldError[] {
    const { from, to } = this.#deps.nodePorts
    const errors: FieldError[] = []
    const own = new Set<number>()
    const ask = (port: number, field: string): void => {
      if (own.has(port)) return
      if (port < from || port > to) {
        const detail = `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
        errors.push(fieldError.invalid(field, port, detail))
      } else if (!this.#ports.isFree(port - from, hold.key)) {
        errors.push(fieldError.invalid(field, port, "provided port is already allocated"))
      } else {
        own.add(port)
        this.#ports.hold(port - from, hold.id)
        hold.note(this.#ports, port - from)
      }
    }
    for (const [index, port] of (spec.ports ?? []).entries()) {
      if (port.nodePort) ask(port.nodePort, `spec.ports[${index}].nodePort`)
    }
    if (spec.healthCheckNodePort) ask(spec.healthCheckNodePort, "spec.healthCheckNodePort")
    if (errors.length > 0) return errors
    const { nodePorts, healthCheckNodePort } = serviceAllocations(spec)
    for (const index of nodePorts) {
      const port = (spec.ports ?? [])[index] as corev1.ServicePort
      // The same port over another protocol gets the same number.
      const twin = spec.ports?.find(
        (other) => other !== port && other.port === port.port && other.nodePort && other.protocol !== port.protocol,
      )
      port.nodePort = twin?.nodePort ?? this.#takePort(hold, `spec.ports[${index}].nodePort`)
    }
    if (healthCheckNodePort) spec.healthCheckNodePort = this.#takePort(hold, "spec.healthCheckNodePort")
    return []
  }

  #takePort(hold: Hold, field: string): number {
    const offset = this.#ports.take(hold.id)
    if (offset === undefined) {
      throw statusError.internal(`failed to allocate a nodePort for ${field}: range is full`)
    }
    hold.note(this.#ports, offset)
    return this.#deps.nodePorts.from + offset
  }
}

const specOf = (object: KubeObject): Spec => (object as corev1.Service).spec ?? {}

/** How much of a range is kept for those who ask for a certain number: a share, within bounds. */
function staticBand(size: number, share: number, most: number): number {
  const band = Math.min(Math.max(16, Math.floor(size / share)), most)
  return band >= size ? 0 : band
}

/** What one write holds until it is through. */
class Hold {
  readonly id: string
  /** The Service's own key: what it has already, it may ask for. */
  readonly key: string
  #held: { pool: AddressPool; number: number }[] = []

  constructor(id: string, key: string) {
    this.id = id
    this.key = key
  }

  note(pool: AddressPool, number: number): void {
    this.#held.push({ pool, number })
  }

  release(): void {
    for (const { pool, number } of this.#held) pool.release(number, this.id)
    this.#held = []
  }
}
