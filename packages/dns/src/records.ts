import type { corev1, discoveryv1 } from "@ladya/api"

/** One address of a headless Service, under a name of its own. */
export interface HeadlessEndpoint {
  /** The endpoint's hostname, or its address with dashes. */
  label: string
  ip: string
  ports: readonly { name: string; protocol: string; port: number }[]
}

/** What the zone knows of one Service. */
export interface ServiceRecords {
  namespace: string
  name: string
  /** Canonical name of an ExternalName Service. */
  externalName: string | undefined
  /** Cluster addresses; empty for headless ones. */
  clusterIPs: readonly string[]
  ports: readonly { name: string; protocol: string; port: number }[]
  /** Undefined for Services with a cluster address. */
  endpoints: readonly HeadlessEndpoint[] | undefined
}

export const isIPv6 = (address: string): boolean => address.includes(":")

function headlessEndpoints(service: corev1.Service, slices: readonly discoveryv1.EndpointSlice[]): HeadlessEndpoint[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true
  const result: HeadlessEndpoint[] = []
  const seen = new Set<string>()
  for (const slice of slices) {
    if (slice.addressType === "FQDN") continue
    const ports = (slice.ports ?? []).map((port) => ({
      name: port.name ?? "",
      protocol: (port.protocol ?? "TCP").toLowerCase(),
      port: port.port ?? 0,
    }))
    for (const endpoint of slice.endpoints ?? []) {
      if (!publishAll && endpoint.conditions?.ready === false) continue
      for (const ip of endpoint.addresses) {
        if (seen.has(ip)) continue
        seen.add(ip)
        result.push({ label: endpoint.hostname ?? ip.replaceAll(/[.:]/g, "-"), ip, ports })
      }
    }
  }
  return result
}

/** The records of a Service, from its EndpointSlices where it is headless. */
export function recordsOf(service: corev1.Service, slices: readonly discoveryv1.EndpointSlice[]): ServiceRecords {
  const spec = service.spec ?? {}
  const external = spec.type === "ExternalName"
  const headless = !external && (!spec.clusterIP || spec.clusterIP === "None")
  return {
    namespace: service.metadata.namespace ?? "",
    name: service.metadata.name ?? "",
    externalName: external ? (spec.externalName ?? "").toLowerCase().replace(/\.$/, "") : undefined,
    clusterIPs: external || headless ? [] : (spec.clusterIPs ?? [spec.clusterIP as string]),
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? "",
      protocol: (port.protocol ?? "TCP").toLowerCase(),
      port: port.port,
    })),
    endpoints: headless ? headlessEndpoints(service, slices) : undefined,
  }
}

/** `10.96.0.10` → `10.0.96.10.in-addr.arpa`; IPv6 by nibbles under ip6.arpa (RFC 3596). */
export function reverseName(address: string): string {
  if (!isIPv6(address)) return `${address.split(".").reverse().join(".")}.in-addr.arpa`
  const [head = "", tail] = address.toLowerCase().split("::")
  const headParts = head ? head.split(":") : []
  const tailParts = tail ? tail.split(":") : []
  const fill = tail === undefined ? 0 : 8 - headParts.length - tailParts.length
  const groups = [...headParts, ...new Array<string>(fill).fill("0"), ...tailParts]
  const nibbles = groups.map((group) => group.padStart(4, "0")).join("")
  return `${[...nibbles].reverse().join(".")}.ip6.arpa`
}

/** The zone's data: Services by `namespace/name`, namespaces, and names by address. A change costs what the Service holds. */
export class RecordIndex {
  readonly #services = new Map<string, ServiceRecords>()
  readonly #perNamespace = new Map<string, number>()
  readonly #reverse = new Map<string, Map<string, string[]>>()
  readonly #domain: string

  /** `domain` is the cluster's, such as `cluster.local`. */
  constructor(domain: string) {
    this.#domain = domain
  }

  get(namespace: string, name: string): ServiceRecords | undefined {
    return this.#services.get(`${namespace}/${name}`)
  }

  /** Whether any Service is known in the namespace. */
  hasNamespace(namespace: string): boolean {
    return (this.#perNamespace.get(namespace) ?? 0) > 0
  }

  /** The names of a reverse name. */
  names(reverse: string): string[] {
    return [...(this.#reverse.get(reverse)?.values() ?? [])].flat()
  }

  set(records: ServiceRecords): void {
    const key = `${records.namespace}/${records.name}`
    this.delete(records.namespace, records.name)
    this.#services.set(key, records)
    this.#perNamespace.set(records.namespace, (this.#perNamespace.get(records.namespace) ?? 0) + 1)
    for (const [ip, name] of this.#addresses(records)) {
      const reverse = reverseName(ip)
      const holders = this.#reverse.get(reverse) ?? new Map<string, string[]>()
      this.#reverse.set(reverse, holders)
      holders.set(key, [...(holders.get(key) ?? []), name])
    }
  }

  delete(namespace: string, name: string): void {
    const key = `${namespace}/${name}`
    const records = this.#services.get(key)
    if (!records) return
    this.#services.delete(key)
    const left = (this.#perNamespace.get(namespace) ?? 1) - 1
    if (left > 0) this.#perNamespace.set(namespace, left)
    else this.#perNamespace.delete(namespace)
    for (const [ip] of this.#addresses(records)) {
      const reverse = reverseName(ip)
      const holders = this.#reverse.get(reverse)
      holders?.delete(key)
      if (holders?.size === 0) this.#reverse.delete(reverse)
    }
  }

  *#addresses(records: ServiceRecords): Iterable<[ip: string, name: string]> {
    const base = `${records.name}.${records.namespace}.svc.${this.#domain}`
    for (const ip of records.clusterIPs) yield [ip, base]
    for (const endpoint of records.endpoints ?? []) yield [endpoint.ip, `${endpoint.label}.${base}`]
  }
}
