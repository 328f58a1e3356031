import {
  type corev1,
  matchesNodeSelector,
  matchesNodeSelectorTerm,
  matchesRequiredNodeAffinity,
  nodeNamesOfAffinity,
} from "@ladya/api"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable } from "../../framework/verdict.ts"
import { normalizeScores } from "../shared/normalize.ts"

const reason = "node(s) didn't match Pod's node affinity/selector"
const refused = unresolvable(reason)
const refusedByProfile = unresolvable("node(s) didn't match scheduler-enforced node affinity")
const preferredTerms: StateKey<readonly corev1.PreferredSchedulingTerm[]> = stateKey("NodeAffinity")

/** `nodeSelector` and node affinity: required terms choose the nodes, preferred ones rank them. */
export function newNodeAffinity({ args }: PluginHandle): Plugin {
  const added = args("NodeAffinity")["addedAffinity"] as corev1.NodeAffinity | undefined
  const addedRequired = added?.requiredDuringSchedulingIgnoredDuringExecution
  const addedPreferred = added?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return {
    name: "NodeAffinity",
    isLocal: true,
    interests: [
      {
        resource: "Node",
        actions: ["Add", "UpdateLabels"],
        hint: ({ pod }, { object }) =>
          object && !matchesRequiredNodeAffinity(pod.spec ?? { containers: [] }, object as corev1.Node)
            ? "skip"
            : "queue",
      },
    ],
    preFilter(_, { pod }) {
      const spec = pod.spec
      const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
      if (!spec || (!required && !spec.nodeSelector && !addedRequired)) return { verdict: skip }
      const nodeNames = nodeNamesOfAffinity(spec)
      if (!nodeNames) return { verdict: ok }
      if (nodeNames.size === 0) {
        return { verdict: unresolvable("pod affinity terms conflict") }
      }
      return { verdict: ok, nodeNames }
    },
    filter(_, { pod }, { node }) {
      if (addedRequired && !matchesNodeSelector(addedRequired, node)) return refusedByProfile
      return pod.spec && !matchesRequiredNodeAffinity(pod.spec, node) ? refused : ok
    },
    preScore(state, { pod }) {
      const own = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
      const terms = addedPreferred.length > 0 ? [...addedPreferred, ...own] : own
      if (terms.length === 0) return skip
      state.set(preferredTerms, terms)
      return ok
    },
    score(state, _, { node }) {
      let sum = 0
      for (const { preference, weight } of state.get(preferredTerms) ?? []) {
        const empty = !preference.matchExpressions?.length && !preference.matchFields?.length
        if (empty || matchesNodeSelectorTerm(preference, node)) sum += weight
      }
      return sum
    },
    normalize: (_, __, scores) => normalizeScores(scores, { reverse: false }),
  }
}
