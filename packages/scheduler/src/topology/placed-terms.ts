import type { corev1 } from "@ladya/api"
import type { AffinityTerm, NamespaceLabels } from "../cache/affinity-terms.ts"
import { termMatches } from "../cache/affinity-terms.ts"
import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"

/** What a term is to the pod that has it. */
export type TermRole = "requiredAffinity" | "requiredAntiAffinity" | "preferredAffinity" | "preferredAntiAffinity"

/** One term, whatever the number of pods that have it, and the weight it has in each domain in which they are. */
export interface PlacedTerm {
  readonly term: AffinityTerm
  readonly byValue: ReadonlyMap<string, number>
}

interface Group extends PlacedTerm {
  readonly byValue: Map<string, number>
  /** How many pods have it, on nodes without the topology's label too. */
  pods: number
}

const weightOf = (term: AffinityTerm & { weight?: number }): number => term.weight ?? 1
const maxRemembered = 256

/**
 * The affinity terms of the pods that are there, each once: pods of one workload share theirs. What they mean for another
 * pod is then a question to each term, not to each pod.
 */
export class PlacedTerms {
  readonly #groups: Readonly<Record<TermRole, Map<string, Group>>> = {
    requiredAffinity: new Map(),
    requiredAntiAffinity: new Map(),
    preferredAffinity: new Map(),
    preferredAntiAffinity: new Map(),
  }
  /** By role, namespace and labels: the terms that mean such a pod. */
  readonly #remembered = new Map<string, readonly PlacedTerm[]>()

  /** The terms in this role that mean the pod. */
  matching(role: TermRole, pod: PodInfo, namespaceLabels: NamespaceLabels): readonly PlacedTerm[] {
    const groups = this.#groups[role]
    if (groups.size === 0) return none
    const id = `${role} ${pod.namespace} ${JSON.stringify(pod.labels)}`
    let found = this.#remembered.get(id)
    if (!found) {
      if (this.#remembered.size >= maxRemembered) this.#remembered.clear()
      found = [...groups.values()].filter(({ term }) => termMatches(term, pod, namespaceLabels))
      this.#remembered.set(id, found)
    }
    return found
  }

  podAdded(pod: PodInfo, node: corev1.Node): void {
    if (pod.hasAffinity) this.#shift(pod, node, 1)
  }

  podRemoved(pod: PodInfo, node: corev1.Node): void {
    if (pod.hasAffinity) this.#shift(pod, node, -1)
  }

  nodeAdded(info: NodeInfo): void {
    for (const pod of info.podsWithAffinity.values()) this.#shift(pod, info.node, 1)
  }

  nodeRemoved(info: NodeInfo): void {
    for (const pod of info.podsWithAffinity.values()) this.#shift(pod, info.node, -1)
  }

  /** The node has other labels than before. */
  nodeChanged(info: NodeInfo, before: corev1.Node): void {
    for (const pod of info.podsWithAffinity.values()) this.#shift(pod, before, -1)
    for (const pod of info.podsWithAffinity.values()) this.#shift(pod, info.node, 1)
  }

  /** The labels of a namespace are others than before. */
  namespaceChanged(): void {
    this.#remembered.clear()
  }

  #shift(pod: PodInfo, node: corev1.Node, sign: 1 | -1): void {
    for (const role of roles) for (const term of pod[role]) this.#shiftTerm(role, term, node, sign)
  }

  #shiftTerm(role: TermRole, term: AffinityTerm, node: corev1.Node, sign: 1 | -1): void {
    const groups = this.#groups[role]
    let group = groups.get(term.id)
    if (!group) {
      group = { term, byValue: new Map(), pods: 0 }
      groups.set(term.id, group)
      this.#remembered.clear()
    }
    group.pods += sign
    const value = node.metadata.labels?.[term.topologyKey]
    if (value !== undefined) {
      const next = (group.byValue.get(value) ?? 0) + sign * weightOf(term)
      if (next === 0) group.byValue.delete(value)
      else group.byValue.set(value, next)
    }
    if (group.pods > 0) return
    groups.delete(term.id)
    this.#remembered.clear()
  }
}

const none: readonly never[] = []
const roles: readonly TermRole[] = [
  "requiredAffinity",
  "requiredAntiAffinity",
  "preferredAffinity",
  "preferredAntiAffinity",
]
