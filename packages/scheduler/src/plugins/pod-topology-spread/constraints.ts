import { type corev1, findUntoleratedTaint, matchesRequiredNodeAffinity } from "@ladya/api"
import { compileLabelSelector, type Selector } from "@ladya/apimachinery"
import { selectorId } from "../../cache/affinity-terms.ts"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { type CountQuery, nodeName } from "../../topology/index.ts"

/** A topology spread constraint, compiled. */
export interface Constraint {
  readonly maxSkew: number
  readonly topologyKey: string
  readonly selector: Selector
  readonly minDomains: number
  readonly honorAffinity: boolean
  readonly honorTaints: boolean
}

const none: readonly Constraint[] = []

/** The pod's own constraints of one sort. */
export function constraintsOf(pod: corev1.Pod, action: "DoNotSchedule" | "ScheduleAnyway"): readonly Constraint[] {
  const all = pod.spec?.topologySpreadConstraints
  if (!all?.length) return none
  return all
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

export function hasAllKeys({ metadata }: corev1.Node, constraints: readonly Constraint[]): boolean {
  return constraints.every(({ topologyKey }) => metadata.labels?.[topologyKey] !== undefined)
}

/** Whether the pods of a node count for a constraint: nodes the pod cannot go to do not, when the policies say so. */
export function counts(constraint: Constraint, pod: PodInfo, node: corev1.Node): boolean {
  const spec = pod.pod.spec
  if (constraint.honorAffinity && spec && !matchesRequiredNodeAffinity(spec, node)) return false
  if (!constraint.honorTaints) return true
  return findUntoleratedTaint(node.spec?.taints, spec?.tolerations, ["NoSchedule", "NoExecute"]) === undefined
}

const isCounted = (selector: Selector, existing: PodInfo): boolean =>
  !existing.pod.metadata.deletionTimestamp && selector.matches(existing.labels)

/** Counts, for one constraint of a pod, the pods in each domain that the pod could go to. */
export function queryOf(constraint: Constraint, all: readonly Constraint[], pod: PodInfo): CountQuery {
  const { topologyKey, selector, honorAffinity, honorTaints } = constraint
  const spec = pod.pod.spec
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const nodes = [
    all.map((one) => one.topologyKey).sort(),
    honorAffinity ? [spec?.nodeSelector, required] : undefined,
    honorTaints ? [spec?.tolerations] : undefined,
  ]
  return {
    id: `spread ${topologyKey} of ${selectorId(selector)} in ${pod.namespace} on ${JSON.stringify(nodes)}`,
    topologyKey,
    namespaces: new Set([pod.namespace]),
    matchesPod: (existing) => isCounted(selector, existing),
    matchesNode: (node) => hasAllKeys(node, all) && counts(constraint, pod, node),
  }
}

/** Counts the pods that a constraint means on each single node. */
export function nodeQueryOf({ selector }: Constraint, pod: PodInfo): CountQuery {
  return {
    id: `spread of ${selectorId(selector)} in ${pod.namespace} on each node`,
    topologyKey: nodeName,
    namespaces: new Set([pod.namespace]),
    matchesPod: (existing) => isCounted(selector, existing),
  }
}

/** Whether one pod counts for a constraint of another. */
export function podCounts(constraint: Constraint, pod: PodInfo, other: PodInfo): boolean {
  return other.namespace === pod.namespace && constraint.selector.matches(other.labels)
}

/** The domain of a node for a constraint. */
export function domainOf({ topologyKey }: Constraint, node: NodeInfo): string | undefined {
  return node.labels?.[topologyKey]
}
