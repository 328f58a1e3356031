import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { FilterState } from "./filter-state.ts"
import { newPodHint } from "./hint.ts"
import { AffinityScores } from "./scores.ts"

const noAffinity = unresolvable("node(s) didn't match pod affinity rules")
const antiAffinity = unschedulable("node(s) didn't match pod anti-affinity rules")
const existingAntiAffinity = unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")

const filterKey: StateKey<FilterState> = stateKey("InterPodAffinity.filter")
const scoreKey: StateKey<AffinityScores> = stateKey("InterPodAffinity.score")

/** Affinity and anti-affinity between pods, per topology domain. */
export function newInterPodAffinity({ cache, namespaceLabels, args }: PluginHandle): Plugin {
  // How much a required affinity of a pod that is there counts when the other pod is scored.
  const given = args("InterPodAffinity")["hardPodAffinityWeight"]
  const hardWeight = typeof given === "number" ? given : 1
  return {
    name: "InterPodAffinity",
    interests: [
      { resource: "AssignedPod", actions: ["Add", "Delete", "UpdateLabels"], hint: newPodHint(namespaceLabels) },
      { resource: "Node", actions: ["Add", "UpdateLabels"] },
      { resource: "Namespace", actions: ["Add", "UpdateLabels"] },
    ],
    preFilter(state, pod) {
      const found = FilterState.of(pod, cache.topology, namespaceLabels)
      if (!found) return { verdict: skip }
      state.set(filterKey, found)
      return { verdict: ok }
    },
    addPod(state, pod, added, node) {
      state.get(filterKey)?.shift(pod, added, node, 1)
    },
    removePod(state, pod, removed, node) {
      state.get(filterKey)?.shift(pod, removed, node, -1)
    },
    filter(state, pod, node) {
      const known = state.get(filterKey)
      if (!known) return ok
      if (pod.requiredAffinity.length > 0 && !known.satisfiesAffinity(pod, node)) return noAffinity
      if (!known.satisfiesAntiAffinity(node)) return antiAffinity
      return known.satisfiesExistingAntiAffinity(node) ? ok : existingAntiAffinity
    },
    preScore(state, pod) {
      const scores = new AffinityScores(pod, cache.topology, namespaceLabels, hardWeight)
      if (scores.isEmpty) return skip
      state.set(scoreKey, scores)
      return ok
    },
    score: (state, _, node) => state.get(scoreKey)?.on(node) ?? 0,
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
