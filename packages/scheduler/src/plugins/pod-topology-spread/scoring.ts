import type { ClusterCache } from "../../cache/cluster-cache.ts"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip } from "../../framework/verdict.ts"
import type { DomainCounts } from "../../topology/index.ts"
import { type Constraint, constraintsOf, domainOf, hasAllKeys, nodeQueryOf, queryOf } from "./constraints.ts"

const hostname = "kubernetes.io/hostname"

interface Weighted {
  constraint: Constraint
  /** More for keys with many domains, so that a skew among few of them is not drowned. */
  weight: number
  /** Matching pods by domain; for the hostname by the node itself. */
  counts: DomainCounts
}

interface ScoreState {
  constraints: readonly Weighted[]
  ignored: ReadonlySet<NodeInfo>
}

const scoreKey: StateKey<ScoreState> = stateKey("PodTopologySpread.score")

/** Scores by the constraints that are wishes only. */
export function newSpreadScoring(cache: ClusterCache): Pick<Plugin, "preScore" | "score" | "normalize"> {
  const weigh = (
    constraint: Constraint,
    all: readonly Constraint[],
    pod: PodInfo,
    nodes: readonly NodeInfo[],
  ): Weighted => {
    const { topologyKey } = constraint
    const isHostname = topologyKey === hostname
    const domains = isHostname ? nodes.length : new Set(nodes.map((node) => domainOf(constraint, node))).size
    const query = isHostname ? nodeQueryOf(constraint, pod) : queryOf(constraint, all, pod)
    return { constraint, weight: Math.log(domains + 2), counts: cache.topology.count(query) }
  }
  return {
    preScore(state, pod, nodes) {
      const constraints = constraintsOf(pod.pod, "ScheduleAnyway")
      if (constraints.length === 0) return skip
      const ignored = new Set(nodes.filter(({ node }) => !hasAllKeys(node, constraints)))
      const usable = ignored.size > 0 ? nodes.filter((node) => !ignored.has(node)) : nodes
      state.set(scoreKey, {
        constraints: constraints.map((constraint) => weigh(constraint, constraints, pod, usable)),
        ignored,
      })
      return ok
    },
    score(state, _, node) {
      const known = state.get(scoreKey)
      if (!known || known.ignored.has(node)) return 0
      let sum = 0
      for (const { constraint, weight, counts } of known.constraints) {
        const value = constraint.topologyKey === hostname ? node.name : (domainOf(constraint, node) as string)
        sum += counts.get(value) * weight + (constraint.maxSkew - 1)
      }
      return Math.round(sum)
    },
    normalize(state, _, scores, nodes) {
      const ignored = state.get(scoreKey)?.ignored ?? new Set()
      let min = Number.POSITIVE_INFINITY
      let max = 0
      for (const [index, score] of scores.entries()) {
        if (ignored.has(nodes[index] as NodeInfo)) continue
        if (score < min) min = score
        if (score > max) max = score
      }
      for (const [index, score] of scores.entries()) {
        if (ignored.has(nodes[index] as NodeInfo)) scores[index] = 0
        else scores[index] = max === 0 ? 100 : Math.floor((100 * (max + min - score)) / max)
      }
    },
  }
}
