import { type corev1, isPodReady, podCondition } from "@ladya/api"
import { parseTime } from "@ladya/apimachinery"

type Pod = corev1.Pod

/** No more pods are created or deleted in one go. */
const burstReplicas = 500

export interface ReplicasInput {
  desired: number
  /** The owner's pods that are neither ended nor being deleted. */
  active: readonly Pod[]
  /** How many active pods of all owners with the same purpose run on a node. */
  podsOnNode: (nodeName: string) => number
  now: number
}

export type ReplicasPlan =
  | { kind: "none" }
  | { kind: "create"; count: number }
  | { kind: "delete"; pods: readonly Pod[] }

/** What brings the number of pods to the desired one. */
export function planReplicas(input: ReplicasInput): ReplicasPlan {
  const { desired, active } = input
  const missing = desired - active.length
  if (missing > 0) return { kind: "create", count: Math.min(missing, burstReplicas) }
  if (missing === 0) return { kind: "none" }
  const count = Math.min(-missing, burstReplicas)
  const pods = count < active.length ? podsToDelete(input).slice(0, count) : active
  return { kind: "delete", pods }
}

/** The pods in the order in which they are deleted: those that are missed least come first. */
export function podsToDelete({ active, podsOnNode, now }: Pick<ReplicasInput, "active" | "podsOnNode" | "now">): Pod[] {
  return active
    .map((pod) => ({ pod, rank: podsOnNode(pod.spec?.nodeName ?? ""), cost: deletionCost(pod) }))
    .sort(
      (a, b) =>
        Number(Boolean(a.pod.spec?.nodeName)) - Number(Boolean(b.pod.spec?.nodeName)) ||
        phaseRank(a.pod) - phaseRank(b.pod) ||
        Number(isPodReady(a.pod)) - Number(isPodReady(b.pod)) ||
        a.cost - b.cost ||
        b.rank - a.rank ||
        compareAges(readySince(a.pod), readySince(b.pod), now) ||
        restarts(b.pod) - restarts(a.pod) ||
        compareAges(parseTime(a.pod.metadata.creationTimestamp), parseTime(b.pod.metadata.creationTimestamp), now) ||
        // Equal in all that counts: any order will do, so long as it does not favour the older.
        ((a.pod.metadata.uid ?? "") < (b.pod.metadata.uid ?? "") ? -1 : 1),
    )
    .map(({ pod }) => pod)
}

function phaseRank(pod: Pod): number {
  const phase = pod.status?.phase
  return phase === "Running" ? 2 : phase === "Unknown" ? 1 : 0
}

/** What a user says the deletion would cost; values that are no 32-bit integers count as 0. */
export function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"]
  if (text === undefined || !/^(0|-?[1-9]\d*)$/.test(text)) return 0
  const value = Number(text)
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : 0
}

function readySince(pod: Pod): number | undefined {
  return isPodReady(pod) ? parseTime(podCondition(pod, "Ready")?.lastTransitionTime) : undefined
}

/** Younger first, but ages of the same power of two count as equal, so that not always the youngest is taken. */
function compareAges(a: number | undefined, b: number | undefined, now: number): number {
  if (a === b || a === undefined || b === undefined) return 0
  return ageClass(a, now) - ageClass(b, now)
}

function ageClass(since: number, now: number): number {
  const age = now - since
  return age <= 0 ? -1 : Math.floor(Math.log2(age * 1e6))
}

function restarts(pod: Pod): number {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  return Math.max(0, ...[...containerStatuses, ...initContainerStatuses].map((status) => status.restartCount ?? 0))
}
