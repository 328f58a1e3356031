import { compact, type corev1, type discoveryv1, isPodReady } from "@ladya/api"
import { canServe, hostnameIn, targetPortOf } from "../shared/services.ts"

export type AddressType = "IPv4" | "IPv6"

/** Endpoints that have their ports in common. */
export interface EndpointGroup {
  ports: readonly discoveryv1.EndpointPort[]
  endpoints: readonly discoveryv1.Endpoint[]
}

const isIpv6 = (ip: string): boolean => ip.includes(":")

/** The address families a Service has slices for. */
export function addressTypesOf(service: corev1.Service): AddressType[] {
  const families = service.spec?.ipFamilies ?? []
  if (families.length > 0) return families.map((family) => (family === "IPv6" ? "IPv6" : "IPv4"))
  const { clusterIP } = service.spec ?? {}
  return [clusterIP && clusterIP !== "None" && isIpv6(clusterIP) ? "IPv6" : "IPv4"]
}

/** What a Service's endpoints of one family are, in groups of equal ports. */
export function endpointGroups(
  service: corev1.Service,
  pods: readonly corev1.Pod[],
  addressType: AddressType,
  nodeOf: (name: string) => corev1.Node | undefined,
): EndpointGroup[] {
  const groups = new Map<string, { ports: discoveryv1.EndpointPort[]; endpoints: discoveryv1.Endpoint[] }>()
  for (const pod of pods) {
    if (!canServe(pod)) continue
    const ips = pod.status?.podIPs?.map((entry) => entry.ip) ?? [pod.status?.podIP ?? ""]
    const addresses = ips.filter((ip) => ip !== "" && isIpv6(ip) === (addressType === "IPv6"))
    if (addresses.length === 0) continue
    const ports = portsOf(service, pod)
    const key = portsKey(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    groups.set(key, group)
    group.endpoints.push(endpointOf(service, pod, addresses, nodeOf(pod.spec?.nodeName ?? "")))
  }
  return [...groups.values()]
}

function portsOf(service: corev1.Service, pod: corev1.Pod): discoveryv1.EndpointPort[] {
  const ports: discoveryv1.EndpointPort[] = []
  for (const port of service.spec?.ports ?? []) {
    const number = targetPortOf(pod, port)
    if (number === undefined) continue
    ports.push(
      compact({
        name: port.name ?? "",
        port: number,
        protocol: port.protocol ?? "TCP",
        appProtocol: port.appProtocol,
      }),
    )
  }
  return ports
}

/** The same text for the same ports, whatever their order. */
export function portsKey(ports: readonly discoveryv1.EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map(({ name, port, protocol, appProtocol }) => [name ?? "", port, protocol ?? "TCP", appProtocol ?? ""].join("/"))
    .sort()
    .join(",")
}

function endpointOf(
  service: corev1.Service,
  pod: corev1.Pod,
  addresses: string[],
  node: corev1.Node | undefined,
): discoveryv1.Endpoint {
  const serving = isPodReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating)
  const zone = node?.metadata.labels?.["topology.kubernetes.io/zone"]
  const { name = "", namespace = "", uid = "" } = pod.metadata
  return compact({
    addresses,
    conditions: { ready, serving, terminating },
    hostname: hostnameIn(pod, service),
    nodeName: pod.spec?.nodeName || undefined,
    zone,
    targetRef: { kind: "Pod", namespace, name, uid },
    hints: ready ? hintsOf(service, pod.spec?.nodeName, zone) : undefined,
  })
}

/** Where traffic to an endpoint should come from, when the Service prefers what is near. */
function hintsOf(
  service: corev1.Service,
  nodeName: string | undefined,
  zone: string | undefined,
): discoveryv1.EndpointHints | undefined {
  const preference = service.spec?.trafficDistribution
  const isNodes = preference === "PreferSameNode"
  if (!isNodes && preference !== "PreferClose" && preference !== "PreferSameZone") return undefined
  const forNodes = isNodes && nodeName ? [{ name: nodeName }] : undefined
  const forZones = zone ? [{ name: zone }] : undefined
  return forNodes || forZones ? compact({ forNodes, forZones }) : undefined
}
