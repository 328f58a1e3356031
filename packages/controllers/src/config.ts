/** Signs a token of a service account for a Secret of type `kubernetes.io/service-account-token`. */
export type ServiceAccountTokenSigner = (request: {
  namespace: string
  serviceAccountName: string
  serviceAccountUid: string
  secretName: string
  secretUid: string
}) => Promise<string>

/** How the controllers behave. Times are in milliseconds. */
export interface ControllersConfig {
  /** Pods' addresses are taken from here. */
  clusterCidr: string
  /** How large each node's part is: the length of its prefix. */
  nodeCidrMaskSize: number
  /** Whether nodes are given a part at all. */
  allocateNodeCidrs: boolean
  /** Goes into the ConfigMap `kube-root-ca.crt` of every namespace (PEM); none is made when empty. */
  rootCa: string
  /** Secrets with service account tokens are not filled when absent. */
  signServiceAccountToken?: ServiceAccountTokenSigner
  nodeMonitorPeriodMs: number
  /** A node that said nothing for so long is Unknown. */
  nodeMonitorGracePeriodMs: number
  /** The same before it has said anything for the first time. */
  nodeStartupGracePeriodMs: number
  /** Nodes a second whose pods are evicted, in a zone that is mostly well. */
  nodeEvictionRate: number
  /** The same in a large zone of which much is not ready. */
  secondaryNodeEvictionRate: number
  /** A zone with more nodes than this is large. */
  largeClusterSizeThreshold: number
  /** From this share of nodes that are not ready a zone is not well. */
  unhealthyZoneThreshold: number
  /** Pods that have ended are deleted beyond this number, the oldest first; 0: never. */
  terminatedPodThreshold: number
  podGcPeriodMs: number
  /** Keys worked on at a time, for each controller. */
  workers: number
  maxEndpointsPerSlice: number
}

const defaults: ControllersConfig = {
  clusterCidr: "10.244.0.0/16",
  nodeCidrMaskSize: 24,
  allocateNodeCidrs: true,
  rootCa: "",
  nodeMonitorPeriodMs: 5_000,
  nodeMonitorGracePeriodMs: 40_000,
  nodeStartupGracePeriodMs: 60_000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  largeClusterSizeThreshold: 50,
  unhealthyZoneThreshold: 0.55,
  terminatedPodThreshold: 12_500,
  podGcPeriodMs: 20_000,
  workers: 5,
  maxEndpointsPerSlice: 100,
}

/** The configuration with what was left out filled in. Throws an Error that names the wrong setting. */
export function controllersConfig(overrides: Partial<ControllersConfig> = {}): Readonly<ControllersConfig> {
  const config = { ...defaults, ...overrides }
  const size = Number(config.clusterCidr.split("/")[1])
  if (!/^[\d.]+\/\d+$/.test(config.clusterCidr) || size > 32) {
    throw new Error(`clusterCidr: ${JSON.stringify(config.clusterCidr)} is not an IPv4 prefix such as 10.244.0.0/16`)
  }
  if (config.nodeCidrMaskSize < size || config.nodeCidrMaskSize > 32 || config.nodeCidrMaskSize - size > 16) {
    throw new Error(`nodeCidrMaskSize: ${config.nodeCidrMaskSize} does not divide ${config.clusterCidr} sensibly`)
  }
  if (config.workers < 1) throw new Error("workers: at least 1 is needed")
  return Object.freeze(config)
}
