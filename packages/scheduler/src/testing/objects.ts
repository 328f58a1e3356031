import type { corev1 } from "@ladya/api"
import { NodeInfo } from "../cache/node-info.ts"
import { PodInfo } from "../cache/pod-info.ts"

/** A node with room for plenty, unless told. */
export function newNode(
  name: string,
  options: {
    labels?: Record<string, string>
    taints?: corev1.Taint[]
    unschedulable?: boolean
    allocatable?: Record<string, string>
    images?: corev1.ContainerImage[]
  } = {},
): corev1.Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...options.labels } },
    spec: {
      ...(options.taints ? { taints: options.taints } : {}),
      ...(options.unschedulable ? { unschedulable: true } : {}),
    },
    status: {
      allocatable: { cpu: "4", memory: "8Gi", pods: "110", ...options.allocatable },
      ...(options.images ? { images: options.images } : {}),
    },
  }
}

/** A pod of one container, unless told. */
export function newPod(
  name: string,
  options: {
    labels?: Record<string, string>
    namespace?: string
    requests?: Record<string, string>
    spec?: Partial<corev1.PodSpec>
    metadata?: Partial<corev1.Pod["metadata"]>
  } = {},
): corev1.Pod {
  const resources = options.requests ? { resources: { requests: options.requests } } : {}
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: options.namespace ?? "default",
      uid: `uid-${name}`,
      ...(options.labels ? { labels: options.labels } : {}),
      ...options.metadata,
    },
    spec: {
      containers: [{ name: "c", image: "i:1", ...resources }],
      schedulerName: "default-scheduler",
      ...options.spec,
    },
    status: { phase: "Pending" },
  }
}

export const podInfo = (...parameters: Parameters<typeof newPod>): PodInfo => new PodInfo(newPod(...parameters))

export function nodeInfo(node: corev1.Node, ...pods: corev1.Pod[]): NodeInfo {
  const info = new NodeInfo(node)
  for (const pod of pods) info.addPod(new PodInfo(pod))
  return info
}
