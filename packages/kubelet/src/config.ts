import type { corev1 } from "@ladya/api"
import type { Reserved } from "./node/index.ts"

/** What is fixed for a node agent while it runs. */
export interface KubeletConfig {
  nodeName: string
  hostname: string
  /** The node's addresses, the main one first. */
  nodeIps: readonly string[]
  /** Pods, volumes and logs are below it. */
  dataDirectory: string
  /** The control group above all pods: `/kubepods`, or one of the node's own where nodes share a machine. */
  cgroupRoot: string
  /** Where the runtime looks for CNI configuration. */
  cniDirectory: string
  cni: { bridge: string; mtu: number; ipamDirectory: string }
  /** Of the kubelet's server; 10250. */
  port: number
  /** What the kubelet's server shows, and the authority that signs its clients; PEM. */
  serving: { certificate: string; key: string; clientCa: string }
  maxPods: number
  reserved: Reserved
  labels: Readonly<Record<string, string>>
  taints: readonly corev1.Taint[]
  /** Addresses of the cluster's DNS service. */
  clusterDns: readonly string[]
  clusterDomain: string
  /** The node's resolver configuration; `/etc/resolv.conf`. */
  resolvConf: string
  /** Pods described by files in it run without the API being asked; none unless told. */
  manifestDirectory?: string
}
