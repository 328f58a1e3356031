import type * as corev1 from "../../../../generated/types/corev1.ts"
import { indexed } from "../../../../validation/checks.ts"

const deprecatedLabels: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

const noMatch = "a null labelSelector results in matching no pod"
const required = "requiredDuringSchedulingIgnoredDuringExecution"
const preferred = "preferredDuringSchedulingIgnoredDuringExecution"

/** Labels of nodes that have got another name. */
export function nodeTermWarnings(path: string, term: corev1.NodeSelectorTerm | undefined): string[] {
  return indexed(`${path}.matchExpressions`, term?.matchExpressions).flatMap(([{ key }, at]) => {
    const text = deprecatedLabels[key]
    return text ? [`${at}.key: ${key} is ${text}`] : []
  })
}

/** Labels of nodes that have got another name, wherever a pod selects nodes by them. */
export function labelWarnings(path: string, spec: corev1.PodSpec): string[] {
  const warnings: string[] = []
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = deprecatedLabels[key]
    if (text) warnings.push(`${path}.nodeSelector[${key}]: ${text}`)
  }
  const affinity = spec.affinity?.nodeAffinity
  const at = `${path}.affinity.nodeAffinity`
  for (const [term, termPath] of indexed(
    `${at}.${required}.nodeSelectorTerms`,
    affinity?.[required]?.nodeSelectorTerms,
  )) {
    warnings.push(...nodeTermWarnings(termPath, term))
  }
  for (const [term, termPath] of indexed(`${at}.${preferred}`, affinity?.[preferred])) {
    warnings.push(...nodeTermWarnings(`${termPath}.preference`, term.preference))
  }
  for (const [constraint, constraintPath] of indexed(
    `${path}.topologySpreadConstraints`,
    spec.topologySpreadConstraints,
  )) {
    const text = deprecatedLabels[constraint.topologyKey]
    if (text) warnings.push(`${constraintPath}.topologyKey: ${constraint.topologyKey} is ${text}`)
    if (!constraint.labelSelector) warnings.push(`${constraintPath}.labelSelector: ${noMatch}`)
  }
  return warnings
}

/** Selectors of pods that select none. */
export function selectionWarnings(path: string, spec: corev1.PodSpec): string[] {
  const warnings: string[] = []
  for (const kind of ["podAffinity", "podAntiAffinity"] as const) {
    const at = `${path}.affinity.${kind}`
    for (const [term, termPath] of indexed(`${at}.${required}`, spec.affinity?.[kind]?.[required])) {
      if (!term.labelSelector) warnings.push(`${termPath}.labelSelector: ${noMatch}`)
    }
    for (const [term, termPath] of indexed(`${at}.${preferred}`, spec.affinity?.[kind]?.[preferred])) {
      if (!term.podAffinityTerm?.labelSelector) warnings.push(`${termPath}.podAffinityTerm.labelSelector: ${noMatch}`)
    }
  }
  return warnings
}
