import { type corev1, type discoveryv1, refs, serviceNameLabel } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
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
}

const place = { namespace: "default", name: "kubernetes" }

/** The Service `kubernetes`, and the address behind it, which is written here since no selector finds it. */
export async function ensureKubernetesService(client: Client, addresses: ServiceAddresses): Promise<void> {
  const { advertiseAddress, port, kubernetesAddress } = addresses
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
    if (!draft.spec || semanticEqual(standing, ports)) return false
    draft.spec.ports = ports ?? []
    return true
  })
  // A server that only its own machine reaches is behind no Service: the API takes no loopback address there.
  if (isLoopback(advertiseAddress)) return
  const subsets = [{ addresses: [{ ip: advertiseAddress }], ports: [{ name: "https", port, protocol: "TCP" }] }]
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
  await ensureSlice(client, advertiseAddress, port)
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1"

async function ensureSlice(client: Client, address: string, port: number): Promise<void> {
  const endpoints = [{ addresses: [address], conditions: { ready: true } }]
  const ports = [{ name: "https", port, protocol: "TCP" }]
  const slice: discoveryv1.EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...place, labels: { [serviceNameLabel]: place.name } },
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    endpoints,
    ports,
  }
  await ensure(client, refs.endpointslices, slice, (draft) => {
    const standing = draft.endpoints?.map((one) => ({ addresses: one.addresses, ready: one.conditions?.ready }))
    const isSame =
      semanticEqual(standing, [{ addresses: [address], ready: true }]) &&
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
