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
} from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { Random } from "@ladya/util"
import type { ResourceStorage } from "../storage/resource-storage.ts"
import { AddressPool } from "./address-pool.ts"

export interface TakenNumbersDeps {
  services: ResourceStorage
  serviceCidr: string
  /** Inclusive. */
  nodePorts: { from: number; to: number }
  random: Random
}

type Spec = corev1.ServiceSpec

export const specOf = (object: KubeObject | undefined): Spec => (object as corev1.Service | undefined)?.spec ?? {}

/** Which addresses and node ports the stored Services have, as far as this server has seen. */
export class TakenNumbers {
  readonly addresses: AddressPool
  readonly ports: AddressPool
  readonly cidr: Cidr
  readonly #deps: TakenNumbersDeps
  readonly #first: bigint
  #ready: Promise<void> | undefined

  constructor(deps: TakenNumbersDeps) {
    this.#deps = deps
    const cidr = parseCidr(deps.serviceCidr)
    if (!cidr) throw new Error(`the range of Service addresses is no CIDR: ${deps.serviceCidr}`)
    this.cidr = cidr
    const range = cidrRange(cidr)
    this.#first = range.first
    // A million addresses are enough to choose from.
    const size = Number(range.size > 1_048_576n ? 1_048_576n : range.size)
    const { random, nodePorts } = deps
    const ports = nodePorts.to - nodePorts.from + 1
    this.addresses = new AddressPool({ size, reservedForStatic: staticBand(size, 16, 256), random })
    this.ports = new AddressPool({ size: ports, reservedForStatic: staticBand(ports, 32, 128), random })
    // Neither the network's own address nor the broadcast one is given.
    this.addresses.hold(0, "network")
    if (size > 1) this.addresses.hold(size - 1, "broadcast")
  }

  /** Resolves when the pools show the stored Services. */
  load(): Promise<void> {
    this.#ready ??= this.#follow()
    return this.#ready
  }

  async #follow(): Promise<void> {
    const { services } = this.#deps
    await services.fresh()
    const known = new Map<string, { addresses: number[]; ports: number[] }>()
    const set = (key: string, spec: Spec | undefined): void => {
      const before = known.get(key)
      for (const address of before?.addresses ?? []) this.addresses.release(address, key)
      for (const port of before?.ports ?? []) this.ports.release(port, key)
      known.delete(key)
      if (!spec) return
      const { from } = this.#deps.nodePorts
      const now = {
        addresses: this.addressesOf(spec).flatMap((text) => this.offsetOf(text) ?? []),
        ports: this.portsOf(spec).map((port) => port - from),
      }
      for (const address of now.addresses) this.addresses.hold(address, key)
      for (const port of now.ports) this.ports.hold(port, key)
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

  /** The addresses of a Service that are of the range. */
  addressesOf(spec: Spec): string[] {
    if (!needsClusterIP(spec) || isHeadless(spec)) return []
    return (spec.clusterIPs ?? []).filter((text) => this.offsetOf(text) !== undefined)
  }

  /** The node ports of a Service that are of the range. */
  portsOf(spec: Spec): number[] {
    const { from, to } = this.#deps.nodePorts
    const all = [...(spec.ports ?? []).map((port) => port.nodePort ?? 0), spec.healthCheckNodePort ?? 0]
    return [...new Set(all)].filter((port) => port >= from && port <= to)
  }

  /** Undefined for what is not of the range. */
  offsetOf(text: string): number | undefined {
    const ip = parseIp(text)
    if (!ip || !cidrContains(this.cidr, ip)) return undefined
    return Number(ip.value - this.#first)
  }

  addressAt(offset: number): string {
    return formatIp({ family: this.cidr.address.family, value: this.#first + BigInt(offset) })
  }
}

/** How much of a range is kept for those who ask for a certain number: a share, within bounds. */
function staticBand(size: number, share: number, most: number): number {
  const band = Math.min(Math.max(16, Math.floor(size / share)), most)
  return band >= size ? 0 : band
}
