import { type corev1, tolerates } from "@ladya/api"
import { parseTime } from "@ladya/apimachinery"

/** When a pod has to leave its node: undefined for never, else milliseconds since the epoch. */
export function evictionTime(
  pod: corev1.Pod,
  taints: readonly corev1.Taint[],
  /** Since when a taint without a time has been there. */
  seenSince: number,
): number | undefined {
  let earliest: number | undefined
  // A pod that came later has its whole time.
  const podStart = parseTime(pod.status?.startTime ?? pod.metadata.creationTimestamp) ?? 0
  for (const taint of taints) {
    if (taint.effect !== "NoExecute") continue
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint))
    if (matching.length === 0) return 0
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds === undefined) continue
      if (tolerationSeconds <= 0) return 0
      const since = Math.max(parseTime(taint.timeAdded) ?? seenSince, podStart)
      const at = since + tolerationSeconds * 1000
      if (earliest === undefined || at < earliest) earliest = at
    }
  }
  return earliest
}

export function executingTaints(node: corev1.Node): readonly corev1.Taint[] {
  return (node.spec?.taints ?? []).filter((taint) => taint.effect === "NoExecute")
}
