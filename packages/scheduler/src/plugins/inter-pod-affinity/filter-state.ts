import { type AffinityTerm, type NamespaceLabels, termMatches } from "../../cache/affinity-terms.ts"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { type CountQuery, type PlacedTerm, type Topology, TrialCounts } from "../../topology/index.ts"

/** The pods that a term means, in one topology. */
interface TermCounts {
  readonly term: AffinityTerm
  readonly counts: TrialCounts
}

const copyOf = ({ term, counts }: TermCounts): TermCounts => ({ term, counts: counts.clone() })

/** Existing pods' terms that mean the incoming one, of one topology. */
interface ExistingAnti {
  readonly topologyKey: string
  readonly terms: readonly PlacedTerm[]
}

/** A change of what the existing pods' anti-affinity says, by label key and value. */
type Changes = Map<string, Map<string, number>>

export const matchesAll = (terms: readonly AffinityTerm[], pod: PodInfo, labels: NamespaceLabels): boolean =>
  terms.length > 0 && terms.every((term) => termMatches(term, pod, labels))

/** Counts the pods that all these terms mean, where the topology of one of them has them. */
export function queryOf(terms: readonly AffinityTerm[], topologyKey: string, labels: NamespaceLabels): CountQuery {
  const [first] = terms
  const readsNamespaces = terms.some(({ namespaceSelector }) => namespaceSelector)
  return {
    id: `affinity ${topologyKey} of ${terms.map(({ id }) => id).join(" and ")}`,
    topologyKey,
    readsNamespaces,
    ...(first && !readsNamespaces ? { namespaces: first.namespaces } : {}),
    matchesPod: (pod) => matchesAll(terms, pod, labels),
  }
}

/** What the pods that are there mean for the filter, for one incoming pod. */
export class FilterState {
  readonly #labels: NamespaceLabels
  /** Of existing pods that want the incoming one elsewhere. */
  readonly #existingAnti: readonly ExistingAnti[]
  #existingAntiChanges: Changes | undefined
  readonly #affinity: readonly TermCounts[]
  readonly #anti: readonly TermCounts[]

  constructor(parts: {
    labels: NamespaceLabels
    existingAnti: readonly ExistingAnti[]
    changes?: Changes | undefined
    affinity: readonly TermCounts[]
    anti: readonly TermCounts[]
  }) {
    this.#labels = parts.labels
    this.#existingAnti = parts.existingAnti
    this.#existingAntiChanges = parts.changes
    this.#affinity = parts.affinity
    this.#anti = parts.anti
  }

  /** Undefined when there is nothing to filter by. */
  static of(pod: PodInfo, topology: Topology, labels: NamespaceLabels): FilterState | undefined {
    const existing = topology.termsMeaning("requiredAntiAffinity", pod, labels)
    const { requiredAffinity, requiredAntiAffinity } = pod
    const wants = requiredAffinity.length + requiredAntiAffinity.length > 0
    if (!wants && existing.every(({ byValue }) => byValue.size === 0)) return undefined
    const byKey = new Map<string, PlacedTerm[]>()
    for (const placed of existing) {
      const terms = byKey.get(placed.term.topologyKey)
      if (terms) terms.push(placed)
      else byKey.set(placed.term.topologyKey, [placed])
    }
    return new FilterState({
      labels,
      existingAnti: [...byKey].map(([topologyKey, terms]) => ({ topologyKey, terms })),
      // A pod counts for affinity only when all terms mean it.
      affinity: requiredAffinity.map((term) => ({
        term,
        counts: new TrialCounts(topology.count(queryOf(requiredAffinity, term.topologyKey, labels))),
      })),
      anti: requiredAntiAffinity.map((term) => ({
        term,
        counts: new TrialCounts(topology.count(queryOf([term], term.topologyKey, labels))),
      })),
    })
  }

  /** Adds what a pod on a node means for the incoming one; `amount` -1 takes it away. */
  shift(pod: PodInfo, existing: PodInfo, node: NodeInfo, amount: 1 | -1): void {
    for (const term of existing.requiredAntiAffinity) {
      if (termMatches(term, pod, this.#labels)) this.#shiftExistingAnti(term.topologyKey, node, amount)
    }
    const shift = ({ term, counts }: TermCounts): void => {
      const value = node.labels?.[term.topologyKey]
      if (value !== undefined) counts.add(value, amount)
    }
    if (matchesAll(pod.requiredAffinity, existing, this.#labels)) this.#affinity.forEach(shift)
    for (const one of this.#anti) if (termMatches(one.term, existing, this.#labels)) shift(one)
  }

  satisfiesAffinity(pod: PodInfo, node: NodeInfo): boolean {
    let allPresent = true
    for (const { term, counts } of this.#affinity) {
      const value = node.labels?.[term.topologyKey]
      if (value === undefined) return false
      if (counts.get(value) <= 0) allPresent = false
    }
    if (allPresent) return true
    // The first of a group that wants to be together may go anywhere.
    const isFirst = this.#affinity.every(({ counts }) => counts.total === 0)
    return isFirst && matchesAll(pod.requiredAffinity, pod, this.#labels)
  }

  satisfiesAntiAffinity(node: NodeInfo): boolean {
    for (const { term, counts } of this.#anti) {
      const value = node.labels?.[term.topologyKey]
      if (value !== undefined && counts.get(value) > 0) return false
    }
    return true
  }

  satisfiesExistingAntiAffinity(node: NodeInfo): boolean {
    const changes = this.#existingAntiChanges
    for (const { topologyKey, terms } of this.#existingAnti) {
      const value = node.labels?.[topologyKey]
      if (value === undefined) continue
      let count = changes?.get(topologyKey)?.get(value) ?? 0
      for (const { byValue } of terms) count += byValue.get(value) ?? 0
      if (count > 0) return false
    }
    if (!changes) return true
    for (const [key, values] of changes) {
      const value = node.labels?.[key]
      const isNew = this.#existingAnti.every(({ topologyKey }) => topologyKey !== key)
      if (isNew && value !== undefined && (values.get(value) ?? 0) > 0) return false
    }
    return true
  }

  clone(): FilterState {
    const changes = this.#existingAntiChanges
    return new FilterState({
      labels: this.#labels,
      existingAnti: this.#existingAnti,
      changes: changes && new Map([...changes].map(([key, values]) => [key, new Map(values)])),
      affinity: this.#affinity.map(copyOf),
      anti: this.#anti.map(copyOf),
    })
  }

  #shiftExistingAnti(key: string, node: NodeInfo, amount: 1 | -1): void {
    const value = node.labels?.[key]
    if (value === undefined) return
    this.#existingAntiChanges ??= new Map()
    let values = this.#existingAntiChanges.get(key)
    if (!values) {
      values = new Map()
      this.#existingAntiChanges.set(key, values)
    }
    values.set(value, (values.get(value) ?? 0) + amount)
  }
}
