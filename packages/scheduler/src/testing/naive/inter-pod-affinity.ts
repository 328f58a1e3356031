import { type AffinityTerm, type NamespaceLabels, termMatches, type WeightedTerm } from "../../cache/affinity-terms.ts"
import type { NodeInfo } from "../../cache/node-info.ts"
import { PodInfo } from "../../cache/pod-info.ts"
import type { ClusterEvent } from "../../framework/cluster-event.ts"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin, Pod } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { TopologyCounts } from "./topology-counts.ts"

const noAffinity = unresolvable("node(s) didn't match pod affinity rules")
const antiAffinity = unschedulable("node(s) didn't match pod anti-affinity rules")
const existingAntiAffinity = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")

/** How much a required affinity of a pod that is there counts when the other pod is scored. */
const hardPodAffinityWeight = 1

interface FilterState {
  /** Where pods are that want the incoming one elsewhere. */
  existingAnti: TopologyCounts
  affinity: TopologyCounts
  anti: TopologyCounts
  clone(): FilterState
}

const filterKey: StateKey<FilterState> = stateKey("InterPodAffinity.filter")
const scoreKey: StateKey<TopologyCounts> = stateKey("InterPodAffinity.score")

function newFilterState(existingAnti: TopologyCounts, affinity: TopologyCounts, anti: TopologyCounts): FilterState {
  return {
    existingAnti,
    affinity,
    anti,
    clone: () => newFilterState(existingAnti.clone(), affinity.clone(), anti.clone()),
  }
}

const matchesAll = (terms: readonly AffinityTerm[], pod: PodInfo, labels: NamespaceLabels): boolean =>
  terms.length > 0 && terms.every((term) => termMatches(term, pod, labels))

/** Adds what a pod that is on a node means for the incoming one; `amount` -1 takes it away. */
function account(
  state: FilterState,
  pod: PodInfo,
  existing: PodInfo,
  node: NodeInfo,
  labels: NamespaceLabels,
  amount: number,
): void {
  for (const term of existing.requiredAntiAffinity) {
    if (termMatches(term, pod, labels)) state.existingAnti.add(term.topologyKey, node, amount)
  }
  accountIncoming(state, pod, existing, node, labels, amount)
}

function accountIncoming(
  state: FilterState,
  pod: PodInfo,
  existing: PodInfo,
  node: NodeInfo,
  labels: NamespaceLabels,
  amount: number,
): void {
  // A pod counts for affinity only when all terms mean it.
  if (matchesAll(pod.requiredAffinity, existing, labels)) {
    for (const term of pod.requiredAffinity) state.affinity.add(term.topologyKey, node, amount)
  }
  for (const term of pod.requiredAntiAffinity) {
    if (termMatches(term, existing, labels)) state.anti.add(term.topologyKey, node, amount)
  }
}

function satisfiesAffinity(state: FilterState, pod: PodInfo, node: NodeInfo, labels: NamespaceLabels): boolean {
  let allPresent = true
  for (const { topologyKey } of pod.requiredAffinity) {
    const value = node.labels?.[topologyKey]
    if (value === undefined) return false
    if (state.affinity.get(topologyKey, value) <= 0) allPresent = false
  }
  if (allPresent) return true
  // The first of a group that wants to be together may go anywhere.
  return state.affinity.isEmpty && matchesAll(pod.requiredAffinity, pod, labels)
}

function addTerms(
  scores: TopologyCounts,
  terms: readonly WeightedTerm[],
  target: PodInfo,
  node: NodeInfo,
  labels: NamespaceLabels,
  sign: 1 | -1,
): void {
  for (const term of terms) {
    if (termMatches(term, target, labels)) scores.add(term.topologyKey, node, sign * term.weight)
  }
}

function accountScores(
  scores: TopologyCounts,
  pod: PodInfo,
  existing: PodInfo,
  node: NodeInfo,
  labels: NamespaceLabels,
): void {
  addTerms(scores, pod.preferredAffinity, existing, node, labels, 1)
  addTerms(scores, pod.preferredAntiAffinity, existing, node, labels, -1)
  for (const term of existing.requiredAffinity) {
    if (termMatches(term, pod, labels)) scores.add(term.topologyKey, node, hardPodAffinityWeight)
  }
  addTerms(scores, existing.preferredAffinity, pod, node, labels, 1)
  addTerms(scores, existing.preferredAntiAffinity, pod, node, labels, -1)
}

/** Affinity between pods, by looking at all of them each time: what the quick plugin is held against. */
export function newNaiveInterPodAffinity({ cache, namespaceLabels }: PluginHandle): Plugin {
  const podHint = (pod: PodInfo, { object }: ClusterEvent): "queue" | "skip" => {
    if (!object) return "queue"
    const other = new PodInfo(object as Pod)
    const concerned =
      [...pod.requiredAffinity, ...pod.requiredAntiAffinity].some((term) =>
        termMatches(term, other, namespaceLabels),
      ) || other.requiredAntiAffinity.some((term) => termMatches(term, pod, namespaceLabels))
    return concerned ? "queue" : "skip"
  }
  return {
    name: "InterPodAffinity",
    interests: [
      { resource: "AssignedPod", actions: ["Add", "Delete", "UpdateLabels"], hint: podHint },
      { resource: "Node", actions: ["Add", "UpdateLabels"] },
      { resource: "Namespace", actions: ["Add", "UpdateLabels"] },
    ],
    preFilter(state, pod) {
      const existingAnti = new TopologyCounts()
      for (const node of cache.withRequiredAntiAffinity()) {
        for (const existing of node.podsWithRequiredAntiAffinity.values()) {
          for (const term of existing.requiredAntiAffinity) {
            if (termMatches(term, pod, namespaceLabels)) existingAnti.add(term.topologyKey, node, 1)
          }
        }
      }
      const wants = pod.requiredAffinity.length + pod.requiredAntiAffinity.length > 0
      if (!wants && existingAnti.isEmpty) return { verdict: skip }
      const counts = newFilterState(existingAnti, new TopologyCounts(), new TopologyCounts())
      if (wants) {
        for (const node of cache.list) {
          for (const existing of node.pods.values()) accountIncoming(counts, pod, existing, node, namespaceLabels, 1)
        }
      }
      state.set(filterKey, counts)
      return { verdict: ok }
    },
    addPod(state, pod, added, node) {
      const counts = state.get(filterKey)
      if (counts) account(counts, pod, added, node, namespaceLabels, 1)
    },
    removePod(state, pod, removed, node) {
      const counts = state.get(filterKey)
      if (counts) account(counts, pod, removed, node, namespaceLabels, -1)
    },
    filter(state, pod, node) {
      const counts = state.get(filterKey)
      if (!counts) return ok
      if (pod.requiredAffinity.length > 0 && !satisfiesAffinity(counts, pod, node, namespaceLabels)) return noAffinity
      for (const { topologyKey } of pod.requiredAntiAffinity) {
        const value = node.labels?.[topologyKey]
        if (value !== undefined && counts.anti.get(topologyKey, value) > 0) return antiAffinity
      }
      return counts.existingAnti.anyOn(node) ? existingAntiAffinity : ok
    },
    preScore(state, pod) {
      const wants = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0
      const scores = new TopologyCounts()
      for (const node of wants ? cache.list : cache.withAffinity()) {
        const pods = wants ? node.pods : node.podsWithAffinity
        for (const existing of pods.values()) accountScores(scores, pod, existing, node, namespaceLabels)
      }
      if (scores.isEmpty) return skip
      state.set(scoreKey, scores)
      return ok
    },
    score: (state, _, node) => state.get(scoreKey)?.sumOn(node) ?? 0,
    normalize(_, __, scores) {
      let min = Number.POSITIVE_INFINITY
      let max = Number.NEGATIVE_INFINITY
      for (const score of scores) {
        if (score < min) min = score
        if (score > max) max = score
      }
      const range = max - min
      for (let index = 0; index < scores.length; index++) {
        scores[index] = range > 0 ? Math.floor((100 * ((scores[index] as number) - min)) / range) : 0
      }
    },
  }
}
