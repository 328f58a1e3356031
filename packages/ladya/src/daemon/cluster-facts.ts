/** What every part of a cluster agrees on (docs/design/contracts.md). */
export const cluster = {
  domain: "cluster.local",
  podCIDR: "10.244.0.0/16",
  serviceCIDR: "10.96.0.0/16",
  kubernetesServiceAddress: "10.96.0.1",
  dnsServiceAddress: "10.96.0.10",
  /** Where every agent serves DNS on its node's address. */
  dnsPort: 10053,
  kubeletPort: 10250,
} as const
