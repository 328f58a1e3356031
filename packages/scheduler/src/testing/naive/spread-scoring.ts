import type { NodeInfo } from "../../cache/node-info.ts"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { NodeView, Plugin } from "../../framework/plugin.ts"
import { ok, skip } from "../../framework/verdict.ts"
import { type Constraint, constraintsOf, counts, hasAllKeys, matchingPods } from "./constraints.ts"

const hostname = "kubernetes.io/hostname"

interface Weighted {
  constraint: Constraint
  /** More for keys with many domains, so that a skew among few of them is not drowned. */
  weight: number
  /** Matching pods by domain; undefined for the hostname, which is counted when it is asked for. */
  byValue: Map<string, number> | undefined
}

interface ScoreState {
  constraints: readonly Weighted[]
  ignored: ReadonlySet<NodeInfo>
}

const scoreKey: StateKey<ScoreState> = stateKey("PodTopologySpread.score")

function weigh(constraint: Constraint, nodes: readonly NodeInfo[]): Weighted {
  const byValue = constraint.topologyKey === hostname ? undefined : new Map<string, number>()
  for (const node of byValue ? nodes : []) byValue?.set(node.labels?.[constraint.topologyKey] as string, 0)
  return { constraint, weight: Math.log((byValue?.size ?? nodes.length) + 2), byValue }
}

/** Scores by the constraints that are wishes only. */
export function newSpreadScoring(cache: NodeView): Pick<Plugin, "preScore" | "score" | "normalize"> {
  return {
    preScore(state, pod, nodes) {
      const constraints = constraintsOf(pod.pod, "ScheduleAnyway")
      if (constraints.length === 0) return skip
      const usable = nodes.filter((node) => hasAllKeys(node, constraints))
      const weighted = constraints.map((constraint) => weigh(constraint, usable))
      for (const node of cache.list) {
        if (!hasAllKeys(node, constraints)) continue
        for (const { constraint, byValue } of weighted) {
          const value = node.labels?.[constraint.topologyKey] as string
          if (!byValue?.has(value) || !counts(constraint, pod, node)) continue
          byValue.set(value, (byValue.get(value) ?? 0) + matchingPods(node, constraint.selector, pod.namespace))
        }
      }
      const kept = new Set(usable)
      state.set(scoreKey, { constraints: weighted, ignored: new Set(nodes.filter((node) => !kept.has(node))) })
      return ok
    },
    score(state, pod, node) {
      const known = state.get(scoreKey)
      if (!known || known.ignored.has(node)) return 0
      let sum = 0
      for (const { constraint, weight, byValue } of known.constraints) {
        const value = node.labels?.[constraint.topologyKey] as string
        const count = byValue ? (byValue.get(value) ?? 0) : matchingPods(node, constraint.selector, pod.namespace)
        sum += count * weight + (constraint.maxSkew - 1)
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
