import { type corev1, type discoveryv1, type networkingv1, refs, serviceNameLabel } from "@ladya/api"
import { isStatus, semanticEqual } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { ensure } from "./ensure.ts"

export interface ServiceAddresses {
  /** Where nodes and pods reach the API server: an IPv4 or IPv6 address. */
  advertiseAddress: string
  port: number
  /** ClusterIP of the Service `kubernetes`. */
  kubernetesAddress: string
  /** ClusterIP of the Service `kube-dns`. */
  dnsAddress: string
  /** Where every agent answers DNS on its node's address. */
  dnsPort: number
  /** The range of all ClusterIPs: shown as the ServiceCIDR `kubernetes`. */
  serviceCidr?: string
  /** Other servers have the same store: all of them are behind the Service `kubernetes`. */
  isShared?: boolean
}

const place = { namespace: "default", name: "kubernetes" }

/**
 * The Service `kubernetes`, and the addresses behind it, which are written here since no selector finds them: this
 * server's own, or those of all servers.
 */
export async function ensureKubernetesService(
  client: Client,
  addresses: ServiceAddresses,
  servers: readonly string[] = [addresses.advertiseAddress],
): Promise<void> {
  const { advertiseAddress, port, kubernetesAddress, isShared } = addresses
  const service: corev1.Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...place, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      type: "ClusterIP",
      clusterIP: kubernetesAddress,
      sessionAffinity: "None",
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
    },
  }
  await ensure(client, refs.services, service, (draft) => {
    const { ports } = service.spec ?? {}
    const standing = draft.spec?.ports?.map(({ name, protocol, port, targetPort }) => ({
      name,
      protocol,
      port,
      targetPort,
    }))
    // Servers that listen at different ports would never come to an end.
    if (!draft.spec || isShared || semanticEqual(standing, ports)) return false
    draft.spec.ports = ports ?? []
    return true
  })
  // A server that only its own machine reaches is behind no Service: the API takes no loopback address there.
  if (isLoopback(advertiseAddress)) return
  const subsets = [{ addresses: servers.map((ip) => ({ ip })), ports: [{ name: "https", port, protocol: "TCP" }] }]
  const endpoints: corev1.Endpoints = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { ...place, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets,
  }
  await ensure(client, refs.endpoints, endpoints, (draft) => {
    if (semanticEqual(draft.subsets, subsets)) return false
    draft.subsets = subsets
    return true
  })
  await ensureSlice(client, servers, port)
}

/** Whether no other machine reaches it. */
export const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1"

async function ensureSlice(client: Client, servers: readonly string[], port: number): Promise<void> {
  const endpoints = servers.map((address) => ({ addresses: [address], conditions: { ready: true } }))
  const ports = [{ name: "https", port, protocol: "TCP" }]
  const slice: discoveryv1.EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...place, labels: { [serviceNameLabel]: place.name } },
    addressType: servers[0]?.includes(":") ? "IPv6" : "IPv4",
    endpoints,
    ports,
  }
  await ensure(client, refs.endpointslices, slice, (draft) => {
    const standing = draft.endpoints?.map((one) => ({ addresses: one.addresses, ready: one.conditions?.ready }))
    const isSame =
      semanticEqual(
        standing,
        servers.map((address) => ({ addresses: [address], ready: true })),
      ) &&
      semanticEqual(draft.ports, ports) &&
      draft.metadata.labels?.[serviceNameLabel] === place.name
    if (isSame) return false
    Object.assign(draft, { endpoints, ports })
    draft.metadata.labels = { ...draft.metadata.labels, [serviceNameLabel]: place.name }
    return true
  })
}

/** The Service behind which every agent serves the cluster's DNS; each publishes its own slice. */
export async function ensureDnsService(client: Client, addresses: ServiceAddresses): Promise<void> {
  const service: corev1.Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      namespace: "kube-system",
      name: "kube-dns",
      labels: { "k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS" },
    },
    spec: {
      type: "ClusterIP",
      clusterIP: addresses.dnsAddress,
      sessionAffinity: "None",
      // A pod asks its own node, and another while that is away.
      trafficDistribution: "PreferSameNode",
      ports: [
        { name: "dns", protocol: "UDP", port: 53, targetPort: addresses.dnsPort },
        { name: "dns-tcp", protocol: "TCP", port: 53, targetPort: addresses.dnsPort },
      ],
    },
  }
  await ensure(client, refs.services, service)
}

/** The range that ClusterIPs are taken from, as an object that everybody can see. */
export async function ensureServiceCidr(client: Client, cidr: string, now: string): Promise<void> {
  const range: networkingv1.ServiceCIDR = {
    apiVersion: "networking.k8s.io/v1",
    kind: "ServiceCIDR",
    metadata: { name: "kubernetes" },
    spec: { cidrs: [cidr] },
  }
  await ensure(client, refs.servicecidrs, range)
  const ranges = client.resource(refs.servicecidrs)
  const standing = await ranges.get("kubernetes")
  if (standing.status?.conditions?.some(({ type }) => type === "Ready")) return
  const ready = {
    ...{ type: "Ready", status: "True", reason: "", lastTransitionTime: now },
    message: "Kubernetes default Service CIDR is ready",
  }
  await ranges.updateStatus({ ...standing, status: { conditions: [ready] } }).catch((error: unknown) => {
    // Another server said it.
    if (!isStatus(error, "Conflict")) throw error
  })
}
