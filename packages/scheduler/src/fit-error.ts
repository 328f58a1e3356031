import type { NodeRefusal } from "./framework/plugin.ts"

/** Why no node fits a pod. */
export interface FitError {
  readonly kind: "fit"
  readonly nodeCount: number
  /** Why a plugin refused before looking at any node. */
  readonly podReasons: readonly string[]
  readonly refusals: ReadonlyMap<string, NodeRefusal>
  /** What preemption found. */
  readonly postFilterMessage: string
  /** The plugins to which events are shown that may help. */
  readonly plugins: ReadonlySet<string>
}

/** `2 Insufficient cpu, 1 node(s) were unschedulable`: each reason with the number of nodes, sorted. */
export function reasonCounts(refusals: Iterable<{ reasons: readonly string[] }>): string {
  const counts = new Map<string, number>()
  for (const { reasons } of refusals) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ")
}

/** The text of the FailedScheduling event and of the PodScheduled condition. */
export function fitErrorText(error: FitError): string {
  let text = `0/${error.nodeCount} nodes are available:`
  if (error.podReasons.length > 0) text += ` ${error.podReasons.join(", ")}.`
  else {
    const counts = reasonCounts(error.refusals.values())
    if (counts) text += ` ${counts}.`
  }
  return error.postFilterMessage ? `${text} ${error.postFilterMessage}` : text
}

export const noNodesText = "no nodes available to schedule pods"
