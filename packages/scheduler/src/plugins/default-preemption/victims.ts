import type { policyv1 } from "@ladya/api"
import { compileLabelSelector } from "@ladya/apimachinery"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import type { CycleState } from "../../framework/cycle-state.ts"
import type { Framework, Nominations } from "../../framework/framework.ts"

/** A node on which taking these pods away would make room. */
export interface Candidate {
  readonly node: NodeInfo
  /** The most important first. */
  readonly victims: readonly PodInfo[]
  readonly pdbViolations: number
}

const startOf = (pod: PodInfo): number => Date.parse(pod.pod.status?.startTime ?? "") || Number.MAX_SAFE_INTEGER

/** The more important pod first: by priority, then by age. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b)
}

/** Splits pods by whether taking them away, one after another, would break a disruption budget. */
export function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: readonly policyv1.PodDisruptionBudget[],
): { violating: PodInfo[]; rest: PodInfo[] } {
  const left = budgets.map((budget) => ({ budget, allowed: budget.status?.disruptionsAllowed ?? 0 }))
  const violating: PodInfo[] = []
  const rest: PodInfo[] = []
  for (const pod of pods) {
    let violates = false
    for (const entry of left) {
      const { metadata, spec, status } = entry.budget
      if (metadata.namespace !== pod.namespace || !pod.labels) continue
      const selector = compileLabelSelector(spec?.selector)
      if (selector.everything && !spec?.selector) continue
      if (!selector.matches(pod.labels)) continue
      // One whose disruption was already allowed does not count again.
      if (status?.disruptedPods?.[pod.pod.metadata.name ?? ""]) continue
      entry.allowed--
      if (entry.allowed < 0) violates = true
    }
    if (violates) violating.push(pod)
    else rest.push(pod)
  }
  return { violating, rest }
}

export interface VictimSearch {
  framework: Framework
  nominations: Nominations
  budgets: readonly policyv1.PodDisruptionBudget[]
}

/**
 * The fewest and least important pods that have to leave the node so that the pod fits; or why that does not help.
 * All less important pods are taken away, then as many as possible are put back.
 */
export function selectVictims(
  search: VictimSearch,
  state: CycleState,
  pod: PodInfo,
  node: NodeInfo,
): Candidate | { reasons: readonly string[] } {
  const { framework, nominations, budgets } = search
  const trialState = state.clone()
  const trialNode = node.clone()
  const potential = [...node.pods.values()].filter((other) => other.priority < pod.priority)
  if (potential.length === 0) return { reasons: ["No preemption victims found for incoming pod"] }
  const take = (other: PodInfo): void => {
    trialNode.removePod(other.uid)
    framework.removePod(trialState, pod, other, trialNode)
  }
  for (const other of potential) take(other)
  const refusal = framework.filterWithNominated(trialState, pod, trialNode, nominations)
  if (refusal) return { reasons: refusal.reasons }
  const victims: PodInfo[] = []
  const putBack = (other: PodInfo): boolean => {
    trialNode.addPod(other)
    framework.addPod(trialState, pod, other, trialNode)
    if (!framework.filterWithNominated(trialState, pod, trialNode, nominations)) return true
    take(other)
    victims.push(other)
    return false
  }
  const { violating, rest } = splitByBudgets(potential.toSorted(byImportance), budgets)
  let pdbViolations = 0
  for (const other of violating) if (!putBack(other)) pdbViolations++
  for (const other of rest) putBack(other)
  return { node, victims: victims.sort(byImportance), pdbViolations }
}

/** The rules by which one candidate is better, the first that tells them apart decides; less is better. */
const rules: readonly ((candidate: Candidate) => number)[] = [
  ({ pdbViolations }) => pdbViolations,
  ({ victims }) => victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
  ({ victims }) => victims.reduce((sum, pod) => sum + pod.priority + 2 ** 31, 0),
  ({ victims }) => victims.length,
  // The most important victims that started last have done the least work.
  ({ victims }) => {
    const highest = victims[0]?.priority
    return -Math.min(...victims.filter((pod) => pod.priority === highest).map(startOf))
  },
]

export function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let best: readonly Candidate[] = candidates
  for (const rule of rules) {
    if (best.length <= 1) break
    const values = best.map(rule)
    const least = Math.min(...values)
    best = best.filter((_, index) => values[index] === least)
  }
  return best[0]
}
