import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { TrialCounts } from "../../topology/index.ts"
import { type Constraint, constraintsOf, counts, domainOf, hasAllKeys, podCounts, queryOf } from "./constraints.ts"
import { newSpreadScoring } from "./scoring.ts"

const skewed = unschedulable("node(s) didn't match pod topology spread constraints")
const missingLabel = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")

/** The matching pods of each domain, for one constraint. */
interface Spread {
  readonly constraint: Constraint
  /** 1 when the pod itself counts. */
  readonly self: number
  readonly counts: TrialCounts
  /** The fewest pods in any domain; none while there are too few domains. */
  min: number
}

function newSpread(constraint: Constraint, self: number, counts: TrialCounts): Spread {
  return { constraint, self, counts, min: counts.size < constraint.minDomains ? 0 : counts.min }
}

interface FilterState {
  spreads: readonly Spread[]
  clone(): FilterState
}

const newState = (spreads: readonly Spread[]): FilterState => ({
  spreads,
  clone: () => newState(spreads.map((spread) => newSpread(spread.constraint, spread.self, spread.counts.clone()))),
})

const filterKey: StateKey<FilterState> = stateKey("PodTopologySpread.filter")

function shift({ spreads }: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, amount: 1 | -1): void {
  const constraints = spreads.map(({ constraint }) => constraint)
  if (!hasAllKeys(node.node, constraints)) return
  for (const spread of spreads) {
    const { constraint } = spread
    if (!podCounts(constraint, pod, other) || !counts(constraint, pod, node.node)) continue
    spread.counts.add(domainOf(constraint, node) as string, amount)
    spread.min = spread.counts.size < constraint.minDomains ? 0 : spread.counts.min
  }
}

/** Spreads pods evenly over topology domains. */
export function newPodTopologySpread({ cache }: PluginHandle): Plugin {
  return {
    name: "PodTopologySpread",
    interests: [
      {
        resource: "AssignedPod",
        actions: ["Add", "Delete", "UpdateLabels"],
        hint: ({ namespace, pod }, { object, previous }) => {
          if (!object) return "queue"
          if (object.metadata.namespace !== namespace) return "skip"
          // Only pods that are counted can change what stands in the way.
          const isCounted = constraintsOf(pod, "DoNotSchedule").some(
            ({ selector }) =>
              selector.matches(object.metadata.labels) || (previous && selector.matches(previous.metadata.labels)),
          )
          return isCounted ? "queue" : "skip"
        },
      },
      { resource: "Node", actions: ["Add", "Delete", "UpdateLabels", "UpdateTaints"] },
    ],
    preFilter(state, pod) {
      const constraints = constraintsOf(pod.pod, "DoNotSchedule")
      if (constraints.length === 0) return { verdict: skip }
      const spreads = constraints.map((constraint) => {
        const known = cache.topology.count(queryOf(constraint, constraints, pod))
        return newSpread(constraint, constraint.selector.matches(pod.labels) ? 1 : 0, new TrialCounts(known))
      })
      state.set(filterKey, newState(spreads))
      return { verdict: ok }
    },
    addPod(state, pod, added, node) {
      const known = state.get(filterKey)
      if (known) shift(known, pod, added, node, 1)
    },
    removePod(state, pod, removed, node) {
      const known = state.get(filterKey)
      if (known) shift(known, pod, removed, node, -1)
    },
    filter(state, _, node) {
      for (const { constraint, self, counts, min } of state.get(filterKey)?.spreads ?? []) {
        const value = domainOf(constraint, node)
        if (value === undefined) return missingLabel
        if (counts.get(value) + self - min > constraint.maxSkew) return skewed
      }
      return ok
    },
    ...newSpreadScoring(cache),
  }
}
