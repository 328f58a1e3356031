import type { corev1 } from "@ladya/api"
import { findCondition, formatTime } from "@ladya/apimachinery"

type Taint = corev1.Taint

export const notReadyTaint = "node.kubernetes.io/not-ready"
export const unreachableTaint = "node.kubernetes.io/unreachable"
const unschedulableTaint = "node.kubernetes.io/unschedulable"

/** Which taint a condition brings, by its status. */
const byCondition: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
}

const ownNoSchedule = new Set([
  unschedulableTaint,
  ...Object.values(byCondition).flatMap((byStatus) => Object.values(byStatus)),
])

/** The NoExecute taint that a node's readiness calls for; undefined when it is ready or has never said. */
export function evictionTaintOf(node: corev1.Node): string | undefined {
  const status = findCondition(node.status?.conditions, "Ready")?.status
  return status === undefined ? undefined : byCondition["Ready"]?.[status]
}

export function hasEvictionTaint(node: corev1.Node): boolean {
  return node.spec?.taints?.some(isEvictionTaint) ?? false
}

function isEvictionTaint({ key, effect }: Taint): boolean {
  return effect === "NoExecute" && (key === notReadyTaint || key === unreachableTaint)
}

/**
 * The taints a node should have: those that its conditions call for, and all that are none of ours. A NoExecute taint
 * comes only where `mayEvict`, follows the condition once it is there, and goes when the node is ready again.
 * The same array when nothing changes.
 */
export function taintsOf(node: corev1.Node, mayEvict: boolean, mustNotEvict: boolean, now: number): readonly Taint[] {
  const current = node.spec?.taints ?? []
  const wanted: Taint[] = []
  for (const [type, byStatus] of Object.entries(byCondition)) {
    const status = findCondition(node.status?.conditions, type)?.status
    const key = status === undefined ? undefined : byStatus[status]
    if (key) wanted.push({ key, effect: "NoSchedule" })
  }
  if (node.spec?.unschedulable) wanted.push({ key: unschedulableTaint, effect: "NoSchedule" })
  const eviction = evictionTaintOf(node)
  if (eviction && !mustNotEvict && (mayEvict || hasEvictionTaint(node))) {
    wanted.push({ key: eviction, effect: "NoExecute" })
  }
  const isWanted = (taint: Taint): boolean => wanted.some((one) => one.key === taint.key && one.effect === taint.effect)
  const isOurs = (taint: Taint): boolean =>
    isEvictionTaint(taint) || (taint.effect === "NoSchedule" && ownNoSchedule.has(taint.key))
  const kept = current.filter((taint) => !isOurs(taint) || isWanted(taint))
  const added = wanted.filter((one) => !current.some((taint) => taint.key === one.key && taint.effect === one.effect))
  if (kept.length === current.length && added.length === 0) return current
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: formatTime(now) }))]
}
