import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { NodeView, Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { type Constraint, constraintsOf, counts, hasAllKeys, matchingPods, podCounts } from "./constraints.ts"
import { newSpreadScoring } from "./spread-scoring.ts"

const skewed = unschedulable("node(s) didn't match pod topology spread constraints")
const missingLabel = unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")

/** The matching pods of each domain, for one constraint. */
class Domains {
  readonly constraint: Constraint
  /** 1 when the pod itself counts. */
  readonly self: number
  readonly byValue: Map<string, number>
  #min: number | undefined

  constructor(constraint: Constraint, self: number, byValue = new Map<string, number>()) {
    this.constraint = constraint
    this.self = self
    this.byValue = byValue
  }

  add(value: string, amount: number): void {
    this.byValue.set(value, (this.byValue.get(value) ?? 0) + amount)
    this.#min = undefined
  }

  /** The fewest pods in any domain; none while there are too few domains. */
  get min(): number {
    if (this.#min === undefined) {
      let min = this.byValue.size < this.constraint.minDomains ? 0 : Number.POSITIVE_INFINITY
      for (const count of this.byValue.values()) if (count < min) min = count
      this.#min = min === Number.POSITIVE_INFINITY ? 0 : min
    }
    return this.#min
  }

  clone(): Domains {
    return new Domains(this.constraint, this.self, new Map(this.byValue))
  }
}

interface FilterState {
  domains: readonly Domains[]
  clone(): FilterState
}

const newState = (domains: readonly Domains[]): FilterState => ({
  domains,
  clone: () => newState(domains.map((domain) => domain.clone())),
})

const filterKey: StateKey<FilterState> = stateKey("PodTopologySpread.filter")

function countDomains(constraints: readonly Constraint[], pod: PodInfo, nodes: NodeView): Domains[] {
  const all = constraints.map((constraint) => new Domains(constraint, constraint.selector.matches(pod.labels) ? 1 : 0))
  for (const node of nodes.list) {
    if (!hasAllKeys(node, constraints)) continue
    for (const domain of all) {
      const { topologyKey, selector } = domain.constraint
      if (!counts(domain.constraint, pod, node)) continue
      domain.add(node.labels?.[topologyKey] as string, matchingPods(node, selector, pod.namespace))
    }
  }
  return all
}

function shift(state: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, amount: 1 | -1): void {
  const constraints = state.domains.map(({ constraint }) => constraint)
  if (!hasAllKeys(node, constraints)) return
  for (const domain of state.domains) {
    if (!podCounts(domain.constraint, pod, other) || !counts(domain.constraint, pod, node)) continue
    domain.add(node.labels?.[domain.constraint.topologyKey] as string, amount)
  }
}

/** Topology spread, by looking at all pods each time: what the quick plugin is held against. */
export function newNaivePodTopologySpread({ cache }: PluginHandle): Plugin {
  return {
    name: "PodTopologySpread",
    interests: [
      {
        resource: "AssignedPod",
        actions: ["Add", "Delete", "UpdateLabels"],
        hint: ({ namespace }, { object }) =>
          object && (object as corev1.Pod).metadata.namespace !== namespace ? "skip" : "queue",
      },
      { resource: "Node", actions: ["Add", "Delete", "UpdateLabels", "UpdateTaints"] },
    ],
    preFilter(state, pod, nodes) {
      const constraints = constraintsOf(pod.pod, "DoNotSchedule")
      if (constraints.length === 0) return { verdict: skip }
      state.set(filterKey, newState(countDomains(constraints, pod, nodes)))
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
      for (const domain of state.get(filterKey)?.domains ?? []) {
        const value = node.labels?.[domain.constraint.topologyKey]
        if (value === undefined) return missingLabel
        const skew = (domain.byValue.get(value) ?? 0) + domain.self - domain.min
        if (skew > domain.constraint.maxSkew) return skewed
      }
      return ok
    },
    ...newSpreadScoring(cache),
  }
}
