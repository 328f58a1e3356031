import type { corev1 } from "@ladya/api"
import { compileLabelSelector, type Selector } from "@ladya/apimachinery"
import type { PodInfo } from "./pod-info.ts"

/** The labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (name: string) => Readonly<Record<string, string>> | undefined

/** A term of pod affinity, compiled. */
export interface AffinityTerm {
  /** Terms with the same `id` mean the same pods, in the same topology; weighted ones with the same weight. */
  readonly id: string
  readonly topologyKey: string
  readonly selector: Selector
  readonly namespaces: ReadonlySet<string>
  /** Undefined: no further namespaces are selected by labels. */
  readonly namespaceSelector: Selector | undefined
}

export interface WeightedTerm extends AffinityTerm {
  readonly weight: number
}

const noTerms = { required: [] as readonly AffinityTerm[], preferred: [] as readonly WeightedTerm[] }

/** Tells selectors apart, those that choose nothing or everything too. */
export const selectorId = (selector: Selector): string => (selector.everything ? "*" : selector.toString() || "(none)")

function compileTerm(pod: corev1.Pod, term: corev1.PodAffinityTerm): AffinityTerm {
  const namespaces = new Set(term.namespaces ?? [])
  // Without either, the pod's own namespace is meant.
  if (namespaces.size === 0 && !term.namespaceSelector) namespaces.add(pod.metadata.namespace ?? "")
  const selector = compileLabelSelector(term.labelSelector)
  const namespaceSelector = term.namespaceSelector && compileLabelSelector(term.namespaceSelector)
  const { topologyKey } = term
  const names = [...namespaces].sort().join()
  const id = `${topologyKey} ${selectorId(selector)} in ${names} ${namespaceSelector ? selectorId(namespaceSelector) : ""}`
  return { id, topologyKey, selector, namespaces, namespaceSelector }
}

export function compileTerms(pod: corev1.Pod, affinity: corev1.PodAffinity | undefined): typeof noTerms {
  if (!affinity) return noTerms
  return {
    required: (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => compileTerm(pod, term)),
    preferred: (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm, weight }) => {
      const term = compileTerm(pod, podAffinityTerm)
      return { ...term, id: `${weight} ${term.id}`, weight }
    }),
  }
}

/** Whether the term means this pod. */
export function termMatches(term: AffinityTerm, pod: PodInfo, namespaceLabels: NamespaceLabels): boolean {
  const inNamespace =
    term.namespaces.has(pod.namespace) ||
    (term.namespaceSelector?.matches(namespaceLabels(pod.namespace) ?? {}) ?? false)
  return inNamespace && term.selector.matches(pod.labels)
}
