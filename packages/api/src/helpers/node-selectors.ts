import type * as corev1 from "../generated/types/corev1.ts"

type Requirement = corev1.NodeSelectorRequirement

const integer = /^[+-]?\d+$/

function matchesRequirement(requirement: Requirement, value: string | undefined): boolean {
  const values = requirement.values ?? []
  switch (requirement.operator) {
    case "In":
      return value !== undefined && values.includes(value)
    case "NotIn":
      return value === undefined || !values.includes(value)
    case "Exists":
      return value !== undefined
    case "DoesNotExist":
      return value === undefined
    case "Gt":
    case "Lt": {
      const bound = values[0]
      if (value === undefined || bound === undefined || !integer.test(value) || !integer.test(bound)) return false
      return requirement.operator === "Gt" ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound)
    }
    default:
      return false
  }
}

/** A term without any requirement matches nothing. */
export function matchesNodeSelectorTerm(term: corev1.NodeSelectorTerm, node: corev1.Node): boolean {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length === 0 && fields.length === 0) return false
  const labels = node.metadata.labels
  return (
    expressions.every((requirement) => matchesRequirement(requirement, labels?.[requirement.key])) &&
    fields.every((requirement) =>
      matchesRequirement(requirement, requirement.key === "metadata.name" ? (node.metadata.name ?? "") : undefined),
    )
  )
}

/** Whether any term matches; a selector without terms matches nothing. */
export function matchesNodeSelector(selector: corev1.NodeSelector, node: corev1.Node): boolean {
  return selector.nodeSelectorTerms?.some((term) => matchesNodeSelectorTerm(term, node)) ?? false
}

/** Whether a node fits a pod's `nodeSelector` and required node affinity. */
export function matchesRequiredNodeAffinity(spec: corev1.PodSpec, node: corev1.Node): boolean {
  const labels = node.metadata.labels
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels?.[key] !== value) return false
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return !required || matchesNodeSelector(required, node)
}

/**
 * The only nodes that a pod's affinity can match, by name, when every term of it names them with matchFields;
 * undefined when any node may match. Lets a scheduler look at one node instead of all.
 */
export function nodeNamesOfAffinity(spec: corev1.PodSpec): ReadonlySet<string> | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  if (!terms || terms.length === 0) return undefined
  const names = new Set<string>()
  for (const term of terms) {
    let ofTerm: Set<string> | undefined
    for (const requirement of term.matchFields ?? []) {
      if (requirement.key !== "metadata.name" || requirement.operator !== "In") continue
      const values = requirement.values ?? []
      ofTerm = new Set<string>(ofTerm ? values.filter((value) => ofTerm?.has(value)) : values)
    }
    if (!ofTerm) return undefined
    for (const name of ofTerm) names.add(name)
  }
  return names
}
