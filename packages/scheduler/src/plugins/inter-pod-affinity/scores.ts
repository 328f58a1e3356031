import type { NamespaceLabels } from "../../cache/affinity-terms.ts"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import type { DomainCounts, PlacedTerm, Topology } from "../../topology/index.ts"
import { queryOf } from "./filter-state.ts"

interface Summand {
  readonly topologyKey: string
  readonly factor: number
  readonly values: Pick<DomainCounts, "get"> | PlacedTerm["byValue"]
}

/** How welcome a pod is in each domain: what it wishes for itself, and what the pods there wish. */
export class AffinityScores {
  readonly #summands: readonly Summand[]

  constructor(pod: PodInfo, topology: Topology, labels: NamespaceLabels, hardPodAffinityWeight: number) {
    const own = ([terms, sign]: readonly [PodInfo["preferredAffinity"], 1 | -1]): Summand[] =>
      terms.map((term) => ({
        topologyKey: term.topologyKey,
        factor: sign * term.weight,
        values: topology.count(queryOf([term], term.topologyKey, labels)),
      }))
    const placed = (role: Parameters<Topology["termsMeaning"]>[0], factor: number): Summand[] =>
      topology
        .termsMeaning(role, pod, labels)
        .map(({ term, byValue }) => ({ topologyKey: term.topologyKey, factor, values: byValue }))
    this.#summands = [
      ...own([pod.preferredAffinity, 1]),
      ...own([pod.preferredAntiAffinity, -1]),
      ...placed("requiredAffinity", hardPodAffinityWeight),
      ...placed("preferredAffinity", 1),
      ...placed("preferredAntiAffinity", -1),
    ]
  }

  get isEmpty(): boolean {
    return this.#summands.length === 0
  }

  on(node: NodeInfo): number {
    let sum = 0
    for (const { topologyKey, factor, values } of this.#summands) {
      const value = node.labels?.[topologyKey]
      if (value !== undefined) sum += factor * (values.get(value) ?? 0)
    }
    return sum
  }
}
