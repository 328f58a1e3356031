import type { corev1, discoveryv1 } from "@ladya/api"

/** One place traffic can go to. */
export interface Target {
  ip: string
  port: number
  /** Runs on this node. */
  local: boolean
}

/** All that this node must do for one port of one Service. IPv4 alone. */
export interface PortPlan {
  /** `namespace/name/port/protocol`: stable while the port lives. */
  id: string
  protocol: "tcp" | "udp" | "sctp"
  port: number
  clusterAddresses: string[]
  /** External and load-balancer addresses. */
  externalAddresses: string[]
  /** Source ranges that may use the load-balancer addresses; empty for all. */
  sourceRanges: string[]
  nodePort: number | undefined
  /** ClientIP affinity in seconds. */
  affinitySeconds: number | undefined
  /** Where traffic for the cluster addresses goes. */
  internal: Target[]
  /** Where traffic for node ports and external addresses goes. */
  external: Target[]
  /** Whether external traffic gets this node's source address (not for externalTrafficPolicy Local). */
  externalMasquerade: boolean
}

interface Candidate extends Target {
  ready: boolean
  serving: boolean
  terminating: boolean
  zoneHints: readonly string[] | undefined
  nodeHints: readonly string[] | undefined
}

export interface NodeFacts {
  name: string
  zone: string | undefined
}

function candidates(
  slices: readonly discoveryv1.EndpointSlice[],
  portName: string,
  protocol: string,
  node: NodeFacts,
): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue
    const port = slice.ports?.find((entry) => (entry.name ?? "") === portName && (entry.protocol ?? "TCP") === protocol)
    if (!port?.port) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ready = endpoint.conditions?.ready ?? true
      for (const ip of endpoint.addresses.slice(0, 1)) {
        const candidate: Candidate = {
          ip,
          port: port.port,
          local: endpoint.nodeName === node.name,
          ready,
          serving: endpoint.conditions?.serving ?? ready,
          terminating: endpoint.conditions?.terminating ?? false,
          zoneHints: endpoint.hints?.forZones?.map((hint) => hint.name),
          nodeHints: endpoint.hints?.forNodes?.map((hint) => hint.name),
        }
        const key = `${ip}:${port.port}`
        // An endpoint can stand in two slices while it moves from one to the other: the ready one counts.
        if (!found.get(key)?.ready) found.set(key, candidate)
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port))
}

/** Ready endpoints; when there are none, those that still serve while they terminate (KEP-1669). */
function usable(from: readonly Candidate[]): Candidate[] {
  const ready = from.filter((candidate) => candidate.ready)
  return ready.length > 0 ? ready : from.filter((candidate) => candidate.serving && candidate.terminating)
}

function prefer(from: Candidate[], distribution: string | undefined, node: NodeFacts): Candidate[] {
  if (distribution === "PreferSameNode") {
    const local = from.filter((candidate) => candidate.local)
    if (local.length > 0) return local
  }
  if (distribution === undefined || node.zone === undefined) return from
  const hinted = from.every((candidate) => candidate.zoneHints && candidate.zoneHints.length > 0)
  if (!hinted) return from
  const zone = node.zone
  const near = from.filter((candidate) => candidate.zoneHints?.includes(zone))
  return near.length > 0 ? near : from
}

const bare = (from: readonly Candidate[]): Target[] => from.map(({ ip, port, local }) => ({ ip, port, local }))
const isIPv4 = (address: string): boolean => address.includes(".")

/** What this node does for a Service: one plan per port; none for headless and ExternalName Services. */
export function planService(
  service: corev1.Service,
  slices: readonly discoveryv1.EndpointSlice[],
  node: NodeFacts,
): PortPlan[] {
  const spec = service.spec
  if (!spec || spec.type === "ExternalName" || !spec.clusterIP || spec.clusterIP === "None") return []
  if (service.metadata.labels?.["service.kubernetes.io/service-proxy-name"] !== undefined) return []
  const clusterAddresses = (spec.clusterIPs ?? [spec.clusterIP]).filter(isIPv4)
  if (clusterAddresses.length === 0) return []
  const balancer = (service.status?.loadBalancer?.ingress ?? [])
    .filter((entry) => entry.ip && isIPv4(entry.ip) && entry.ipMode !== "Proxy")
    .map((entry) => entry.ip as string)
  const externalAddresses = [...new Set([...(spec.externalIPs ?? []).filter(isIPv4), ...balancer])]
  return (spec.ports ?? []).map((port): PortPlan => {
    const protocol = port.protocol ?? "TCP"
    const all = candidates(slices, port.name ?? "", protocol, node)
    const local = all.filter((candidate) => candidate.local)
    const internalOnly = spec.internalTrafficPolicy === "Local"
    const externalOnly = spec.externalTrafficPolicy === "Local"
    return {
      id: `${service.metadata.namespace}/${service.metadata.name}/${port.name ?? ""}/${protocol}`,
      protocol: protocol.toLowerCase() as PortPlan["protocol"],
      port: port.port,
      clusterAddresses,
      externalAddresses,
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).filter(isIPv4),
      nodePort: port.nodePort || undefined,
      affinitySeconds:
        spec.sessionAffinity === "ClientIP"
          ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800)
          : undefined,
      internal: bare(internalOnly ? usable(local) : prefer(usable(all), spec.trafficDistribution, node)),
      external: bare(externalOnly ? usable(local) : usable(all)),
      externalMasquerade: !externalOnly,
    }
  })
}
