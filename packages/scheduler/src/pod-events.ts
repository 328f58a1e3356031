import type { corev1 } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import { podAmounts } from "./cache/resources.ts"
import type { ClusterEvent, EventAction } from "./framework/cluster-event.ts"

/** A pod has left its node, or was thought to be on it and is not. */
export function podDeleted(object: corev1.Pod): ClusterEvent {
  return { resource: "AssignedPod", actions: ["Delete"], object }
}

/** What of a node changed that scheduling cares about; undefined when nothing did. */
export function nodeEvent(next: corev1.Node, previous: corev1.Node): ClusterEvent | undefined {
  const actions: EventAction[] = []
  if (!semanticEqual(next.status?.allocatable, previous.status?.allocatable)) actions.push("UpdateAllocatable")
  if (!semanticEqual(next.metadata.labels, previous.metadata.labels)) actions.push("UpdateLabels")
  const taints = !semanticEqual(next.spec?.taints, previous.spec?.taints)
  // Cordoning stands for a taint.
  if (taints || next.spec?.unschedulable !== previous.spec?.unschedulable) actions.push("UpdateTaints")
  if (!semanticEqual(next.metadata.annotations, previous.metadata.annotations)) actions.push("UpdateAnnotations")
  const states = (node: corev1.Node): unknown =>
    (node.status?.conditions ?? []).map(({ type, status }) => [type, status])
  if (!semanticEqual(states(next), states(previous))) actions.push("UpdateConditions")
  return actions.length > 0 ? { resource: "Node", actions, object: next, previous } : undefined
}

/** What of a pod changed that scheduling cares about; undefined when nothing did. */
export function podEvent(
  resource: "Pod" | "AssignedPod",
  next: corev1.Pod,
  previous: corev1.Pod,
): ClusterEvent | undefined {
  const actions: EventAction[] = []
  if (!semanticEqual(next.metadata.labels, previous.metadata.labels)) actions.push("UpdateLabels")
  if (!semanticEqual(next.spec?.tolerations, previous.spec?.tolerations)) actions.push("UpdateTolerations")
  if (!semanticEqual(next.spec?.schedulingGates, previous.spec?.schedulingGates)) actions.push("UpdateSchedulingGates")
  const [now, before] = [podAmounts(next), podAmounts(previous)]
  if (now.milliCpu < before.milliCpu || now.memory < before.memory) actions.push("UpdateScaleDown")
  const claims = !semanticEqual(next.status?.resourceClaimStatuses, previous.status?.resourceClaimStatuses)
  if (claims || !semanticEqual(next.spec?.affinity, previous.spec?.affinity)) actions.push("Update")
  return actions.length > 0 ? { resource, actions, object: next, previous } : undefined
}

const isResizing = ({ status }: corev1.Pod): boolean =>
  status?.conditions?.some(({ type }) => type === "PodResizePending" || type === "PodResizeInProgress") ?? false

/** Whether the scheduler has to look at a changed pod at all: most changes are the status of running ones. */
export function isRelevantChange(next: corev1.Pod, previous: corev1.Pod): boolean {
  return (
    next.metadata.generation !== previous.metadata.generation ||
    next.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp ||
    next.spec?.nodeName !== previous.spec?.nodeName ||
    next.status?.phase !== previous.status?.phase ||
    next.status?.nominatedNodeName !== previous.status?.nominatedNodeName ||
    next.status?.resourceClaimStatuses !== previous.status?.resourceClaimStatuses ||
    isResizing(next) ||
    isResizing(previous) ||
    !semanticEqual(next.metadata.labels, previous.metadata.labels)
  )
}
