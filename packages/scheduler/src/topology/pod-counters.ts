import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import { DomainCounts } from "./domain-counts.ts"

/** Stands for the name of the node itself, whatever its labels say. */
export const nodeName = ""

/** Which pods are to be counted by topology domain. Queries with the same `id` count the same. */
export interface CountQuery {
  readonly id: string
  /** A label of nodes, or `nodeName`. */
  readonly topologyKey: string
  /** Pods of other namespaces are not asked; undefined: all are. */
  readonly namespaces?: ReadonlySet<string>
  /** What it says depends on the labels of namespaces. */
  readonly readsNamespaces?: boolean
  /** Depends on nothing but the pod, and on namespaces when it says so. */
  matchesPod(pod: PodInfo): boolean
  /** Depends on the node's name, labels and taints alone; all nodes count unless told. */
  matchesNode?(node: corev1.Node): boolean
}

interface Counter {
  readonly query: CountQuery
  readonly counts: DomainCounts
  lastUsed: number
}

/** At most so many counters are kept; the ones that were not asked for longest go. */
const maxCounters = 512

/** The domain in which a node is for a query; undefined when it is in none. */
function domainOf(query: CountQuery, node: corev1.Node): string | undefined {
  const { topologyKey } = query
  const value = topologyKey === nodeName ? node.metadata.name : node.metadata.labels?.[topologyKey]
  if (value === undefined || query.matchesNode?.(node) === false) return undefined
  return value
}

const matches = ({ namespaces, matchesPod }: CountQuery, pod: PodInfo): boolean =>
  (!namespaces || namespaces.has(pod.namespace)) && matchesPod(pod)

function countOn(query: CountQuery, pods: Iterable<PodInfo>): number {
  let count = 0
  for (const pod of pods) if (matches(query, pod)) count++
  return count
}

/**
 * Counts of pods by topology domain. A count is made once, by looking at all pods, when it is first asked for; from then
 * on it follows each change, so that asking again costs nothing, however many pods there are.
 */
export class PodCounters {
  readonly #nodes: ReadonlyMap<string, NodeInfo>
  readonly #counters = new Map<string, Counter>()
  #uses = 0

  constructor(nodes: ReadonlyMap<string, NodeInfo>) {
    this.#nodes = nodes
  }

  /** The counts of now. They change with the cluster: not to be kept beyond a cycle. */
  count(query: CountQuery): DomainCounts {
    let counter = this.#counters.get(query.id)
    if (!counter) {
      if (this.#counters.size >= maxCounters) this.#forgetOldest()
      counter = { query, counts: new DomainCounts(), lastUsed: 0 }
      for (const info of this.#nodes.values()) enter(counter, info.node, info.pods.values())
      this.#counters.set(query.id, counter)
    }
    counter.lastUsed = ++this.#uses
    return counter.counts
  }

  podAdded(pod: PodInfo, node: corev1.Node): void {
    for (const counter of this.#counters.values()) shift(counter, pod, node, 1)
  }

  podRemoved(pod: PodInfo, node: corev1.Node): void {
    for (const counter of this.#counters.values()) shift(counter, pod, node, -1)
  }

  nodeAdded(info: NodeInfo): void {
    for (const counter of this.#counters.values()) enter(counter, info.node, info.pods.values())
  }

  nodeRemoved(info: NodeInfo): void {
    for (const counter of this.#counters.values()) leave(counter, info.node, info.pods.values())
  }

  /** The node has other labels or taints than before. */
  nodeChanged(info: NodeInfo, before: corev1.Node): void {
    for (const counter of this.#counters.values()) {
      if (domainOf(counter.query, before) === domainOf(counter.query, info.node)) continue
      leave(counter, before, info.pods.values())
      enter(counter, info.node, info.pods.values())
    }
  }

  /** The labels of a namespace are others than before. */
  namespaceChanged(): void {
    for (const [id, { query }] of this.#counters) if (query.readsNamespaces) this.#counters.delete(id)
  }

  #forgetOldest(): void {
    const oldest = [...this.#counters].sort(([, a], [, b]) => a.lastUsed - b.lastUsed)
    for (const [id] of oldest.slice(0, maxCounters / 8)) this.#counters.delete(id)
  }
}

function shift({ query, counts }: Counter, pod: PodInfo, node: corev1.Node, amount: 1 | -1): void {
  if (!matches(query, pod)) return
  const value = domainOf(query, node)
  if (value !== undefined) counts.add(value, amount)
}

function enter({ query, counts }: Counter, node: corev1.Node, pods: Iterable<PodInfo>): void {
  const value = domainOf(query, node)
  if (value === undefined) return
  counts.addNode(value)
  counts.add(value, countOn(query, pods))
}

function leave({ query, counts }: Counter, node: corev1.Node, pods: Iterable<PodInfo>): void {
  const value = domainOf(query, node)
  if (value === undefined) return
  counts.add(value, -countOn(query, pods))
  counts.removeNode(value)
}
