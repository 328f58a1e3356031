import type { corev1 } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import type { NamespaceLabels } from "../cache/affinity-terms.ts"
import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import type { DomainCounts } from "./domain-counts.ts"
import { type PlacedTerm, PlacedTerms, type TermRole } from "./placed-terms.ts"
import { type CountQuery, PodCounters } from "./pod-counters.ts"

export { type DomainCounts, TrialCounts } from "./domain-counts.ts"
export type { PlacedTerm, TermRole } from "./placed-terms.ts"
export { type CountQuery, nodeName } from "./pod-counters.ts"

/** What the pods on the nodes mean for others, by topology domain. Follows the cache, change by change. */
export class Topology {
  readonly #counters: PodCounters
  readonly #terms = new PlacedTerms()

  constructor(nodes: ReadonlyMap<string, NodeInfo>) {
    this.#counters = new PodCounters(nodes)
  }

  /** How many pods of a sort are in each domain. Not to be kept beyond a cycle. */
  count(query: CountQuery): DomainCounts {
    return this.#counters.count(query)
  }

  /** The affinity terms of pods that are there and mean this one. */
  termsMeaning(role: TermRole, pod: PodInfo, namespaceLabels: NamespaceLabels): readonly PlacedTerm[] {
    return this.#terms.matching(role, pod, namespaceLabels)
  }

  podAdded(pod: PodInfo, { node }: NodeInfo): void {
    this.#counters.podAdded(pod, node)
    this.#terms.podAdded(pod, node)
  }

  podRemoved(pod: PodInfo, { node }: NodeInfo): void {
    this.#counters.podRemoved(pod, node)
    this.#terms.podRemoved(pod, node)
  }

  /** The node has its pods already. */
  nodeAdded(info: NodeInfo): void {
    this.#counters.nodeAdded(info)
    this.#terms.nodeAdded(info)
  }

  /** The node still has its pods. */
  nodeRemoved(info: NodeInfo): void {
    this.#counters.nodeRemoved(info)
    this.#terms.nodeRemoved(info)
  }

  nodeChanged(info: NodeInfo, before: corev1.Node): void {
    const after = info.node
    const sameLabels = semanticEqual(before.metadata.labels, after.metadata.labels)
    if (sameLabels && semanticEqual(before.spec?.taints, after.spec?.taints)) return
    this.#counters.nodeChanged(info, before)
    if (!sameLabels) this.#terms.nodeChanged(info, before)
  }

  namespaceChanged(): void {
    this.#counters.namespaceChanged()
    this.#terms.namespaceChanged()
  }
}
