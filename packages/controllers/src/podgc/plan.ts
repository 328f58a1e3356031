import { type corev1, isPodTerminal } from "@ladya/api"

type Pod = corev1.Pod

export type PodGcReason = "orphaned" | "unscheduledTerminating" | "terminated" | "outOfService"

export interface PodGcInput {
  pods: Iterable<Pod>
  /** Whether the node exists; a node that went just now counts as there for a while. */
  hasNode(name: string): boolean
  node(name: string): corev1.Node | undefined
  /** How many pods that have ended are kept; 0: all. */
  terminatedThreshold: number
}

/** The pods that nobody else will ever remove. */
export function planPodGc(input: PodGcInput): { pod: Pod; reason: PodGcReason }[] {
  const found: { pod: Pod; reason: PodGcReason }[] = []
  const terminated: Pod[] = []
  for (const pod of input.pods) {
    const nodeName = pod.spec?.nodeName
    if (nodeName && !input.hasNode(nodeName)) found.push({ pod, reason: "orphaned" })
    else if (!nodeName && pod.metadata.deletionTimestamp) found.push({ pod, reason: "unscheduledTerminating" })
    else if (nodeName && pod.metadata.deletionTimestamp && isOutOfService(input.node(nodeName))) {
      found.push({ pod, reason: "outOfService" })
    } else if (isPodTerminal(pod)) terminated.push(pod)
  }
  const surplus = input.terminatedThreshold > 0 ? terminated.length - input.terminatedThreshold : 0
  if (surplus > 0) {
    terminated.sort(
      (a, b) =>
        evictedFirst(a) - evictedFirst(b) || compare(a.metadata.creationTimestamp, b.metadata.creationTimestamp),
    )
    for (const pod of terminated.slice(0, surplus)) found.push({ pod, reason: "terminated" })
  }
  return found
}

function evictedFirst(pod: Pod): number {
  return pod.status?.reason === "Evicted" ? 0 : 1
}

function compare(a = "", b = ""): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function isOutOfService(node: corev1.Node | undefined): boolean {
  const isReady = node?.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True")
  return !isReady && (node?.spec?.taints?.some((taint) => taint.key === "node.kubernetes.io/out-of-service") ?? false)
}
