import type { corev1 } from "@ladya/api"
import { compileLabelSelector, type Selector } from "@ladya/apimachinery"
import type { PodInfo } from "./pod-info.ts"

/** The labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (name: string) => Readonly<Record<string, string>> | undefined

/** A term of pod affinity, compiled. */
export interface AffinityTerm {
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

function compileTerm(pod: corev1.Pod, term: corev1.PodAffinityTerm): AffinityTerm {
  const namespaces = new Set(term.namespaces ?? [])
  // Without either, the pod's own namespace is meant.
  if (namespaces.size === 0 && !term.namespaceSelector) namespaces.add(pod.metadata.namespace ?? "")
  return {
    topologyKey: term.topologyKey,
    selector: compileLabelSelector(term.labelSelector),
    namespaces,
    namespaceSelector: term.namespaceSelector && compileLabelSelector(term.namespaceSelector),
  }
}

export function compileTerms(pod: corev1.Pod, affinity: corev1.PodAffinity | undefined): typeof noTerms {
  if (!affinity) return noTerms
  return {
    required: (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => compileTerm(pod, term)),
    preferred: (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => ({
      ...compileTerm(pod, weighted.podAffinityTerm),
      weight: weighted.weight,
    })),
  }
}

/** Whether the term means this pod. */
export function termMatches(term: AffinityTerm, pod: PodInfo, namespaceLabels: NamespaceLabels): boolean {
  const inNamespace =
    term.namespaces.has(pod.namespace) ||
    (term.namespaceSelector?.matches(namespaceLabels(pod.namespace) ?? {}) ?? false)
  return inNamespace && term.selector.matches(pod.labels)
}
