import { type corev1, findUntoleratedTaint, matchesRequiredNodeAffinity } from "@ladya/api"
import { compileLabelSelector, type Selector } from "@ladya/apimachinery"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"

/** A topology spread constraint, compiled. */
export interface Constraint {
  readonly maxSkew: number
  readonly topologyKey: string
  readonly selector: Selector
  readonly minDomains: number
  readonly honorAffinity: boolean
  readonly honorTaints: boolean
}

/** The pod's own constraints of one sort. */
export function constraintsOf(pod: corev1.Pod, action: "DoNotSchedule" | "ScheduleAnyway"): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => ({
      maxSkew: constraint.maxSkew,
      topologyKey: constraint.topologyKey,
      selector: compileLabelSelector(constraint.labelSelector),
      minDomains: constraint.minDomains ?? 1,
      honorAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
      honorTaints: constraint.nodeTaintsPolicy === "Honor",
    }))
}

export function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ topologyKey }) => node.labels?.[topologyKey] !== undefined)
}

/** Whether the pods of a node count for a constraint: nodes the pod cannot go to do not, when the policies say so. */
export function counts(constraint: Constraint, pod: PodInfo, { node }: NodeInfo): boolean {
  const spec = pod.pod.spec
  if (constraint.honorAffinity && spec && !matchesRequiredNodeAffinity(spec, node)) return false
  if (!constraint.honorTaints) return true
  return findUntoleratedTaint(node.spec?.taints, spec?.tolerations, ["NoSchedule", "NoExecute"]) === undefined
}

/** How many pods of the namespace on a node the selector means; those being deleted do not count. */
export function matchingPods(node: NodeInfo, selector: Selector, namespace: string): number {
  let count = 0
  for (const existing of node.pods.values()) {
    if (existing.namespace !== namespace || existing.pod.metadata.deletionTimestamp) continue
    if (selector.matches(existing.labels)) count++
  }
  return count
}

/** Whether one pod counts for a constraint of another. */
export function podCounts(constraint: Constraint, pod: PodInfo, other: PodInfo): boolean {
  return other.namespace === pod.namespace && constraint.selector.matches(other.labels)
}
