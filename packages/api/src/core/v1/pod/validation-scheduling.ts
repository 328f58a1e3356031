import {
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isLabelValue,
  isQualifiedName,
  type metav1,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import {
  checkLabelName,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
  notPositiveMessage,
} from "../../../validation/checks.ts"

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]

export function checkTaintEffect(errors: Errors, path: string, effect: string | undefined): void {
  if (!effect) errors.push(fieldError.required(path))
  else checkSupported(errors, path, effect, taintEffects)
}

export function checkTolerations(
  errors: Errors,
  path: string,
  tolerations: readonly corev1.Toleration[] | undefined,
): void {
  for (const [toleration, at] of indexed(path, tolerations)) {
    const { key = "", operator = "", value = "", effect = "" } = toleration
    if (key) checkLabelName(errors, `${at}.key`, key)
    if (!key && operator !== "Exists") {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      errors.push(fieldError.invalid(`${at}.operator`, operator, detail))
    }
    if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute") {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
      errors.push(fieldError.invalid(`${at}.effect`, effect, detail))
    }
    if (operator === "" || operator === "Equal") {
      const messages = isLabelValue(value)
      if (messages.length > 0) errors.push(fieldError.invalid(`${at}.operator`, value, messages.join(";")))
    } else if (operator === "Exists") {
      if (value) {
        errors.push(fieldError.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
      }
    } else checkSupported(errors, `${at}.operator`, operator, ["Equal", "Exists"])
    if (effect) checkTaintEffect(errors, `${at}.effect`, effect)
  }
}

function checkNodeRequirement(
  errors: Errors,
  path: string,
  requirement: corev1.NodeSelectorRequirement,
  options: { checkValues: boolean },
): void {
  const count = requirement.values?.length ?? 0
  switch (requirement.operator) {
    case "In":
    case "NotIn":
      if (count === 0) {
        const detail = "must be specified when `operator` is 'In' or 'NotIn'"
        errors.push(fieldError.required(`${path}.values`, detail))
      }
      break
    case "Exists":
    case "DoesNotExist":
      if (count > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.push(fieldError.forbidden(`${path}.values`, detail))
      }
      break
    case "Gt":
    case "Lt":
      if (count !== 1) {
        const detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        errors.push(fieldError.required(`${path}.values`, detail))
      }
      break
    default:
      errors.push(fieldError.invalid(`${path}.operator`, requirement.operator, "not a valid selector operator"))
  }
  checkLabelName(errors, `${path}.key`, requirement.key ?? "")
  if (!options.checkValues) return
  for (const [value, at] of indexed(`${path}.values`, requirement.values)) {
    checkTexts(errors, at, value, isLabelValue(value))
  }
}

function checkFieldRequirement(errors: Errors, path: string, requirement: corev1.NodeSelectorRequirement): void {
  if (requirement.operator === "In" || requirement.operator === "NotIn") {
    if (requirement.values?.length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
      errors.push(fieldError.required(`${path}.values`, detail))
    }
  } else errors.push(fieldError.invalid(`${path}.operator`, requirement.operator, "not a valid selector operator"))
  if (requirement.key !== "metadata.name") {
    errors.push(fieldError.invalid(`${path}.key`, requirement.key, "not a valid field selector key"))
    return
  }
  for (const [value, at] of indexed(`${path}.values`, requirement.values)) {
    checkTexts(errors, at, value, isDns1123Subdomain(value))
  }
}

function checkNodeTerm(
  errors: Errors,
  path: string,
  term: corev1.NodeSelectorTerm | undefined,
  options: { checkValues: boolean },
): void {
  for (const [requirement, at] of indexed(`${path}.matchExpressions`, term?.matchExpressions)) {
    checkNodeRequirement(errors, at, requirement, options)
  }
  for (const [requirement, at] of indexed(`${path}.matchFields`, term?.matchFields)) {
    checkFieldRequirement(errors, at, requirement)
  }
}

/** A selector of nodes, as in required node affinity. */
export function checkNodeSelector(errors: Errors, path: string, selector: corev1.NodeSelector): void {
  const termsPath = `${path}.nodeSelectorTerms`
  if (!selector.nodeSelectorTerms?.length) {
    errors.push(fieldError.required(termsPath, "must have at least one node selector term"))
  }
  for (const [term, at] of indexed(termsPath, selector.nodeSelectorTerms)) {
    checkNodeTerm(errors, at, term, { checkValues: true })
  }
}

function checkWeight(errors: Errors, path: string, weight: number | undefined): void {
  if (!weight || weight <= 0 || weight > 100) {
    errors.push(fieldError.invalid(path, weight ?? 0, "must be in the range 1-100"))
  }
}

function selectorKeys(selector: metav1.LabelSelector | undefined): Set<string> {
  return new Set([
    ...Object.keys(selector?.matchLabels ?? {}),
    ...(selector?.matchExpressions ?? []).map((requirement) => requirement.key),
  ])
}

function checkAffinityKeys(errors: Errors, path: string, term: corev1.PodAffinityTerm): void {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term
  if (matchLabelKeys.length === 0 && mismatchLabelKeys.length === 0) return
  if (!labelSelector) {
    const detail = "must not be specified when labelSelector is not set"
    if (matchLabelKeys.length > 0) errors.push(fieldError.forbidden(`${path}.matchLabelKeys`, detail))
    if (mismatchLabelKeys.length > 0) errors.push(fieldError.forbidden(`${path}.mismatchLabelKeys`, detail))
  }
  for (const [key, at] of indexed(`${path}.matchLabelKeys`, matchLabelKeys)) {
    checkLabelName(errors, at, key)
    if (mismatchLabelKeys.includes(key)) {
      errors.push(fieldError.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys"))
    }
  }
  for (const [key, at] of indexed(`${path}.mismatchLabelKeys`, mismatchLabelKeys)) checkLabelName(errors, at, key)
}

function checkPodTerm(errors: Errors, path: string, term: corev1.PodAffinityTerm): void {
  errors.push(...validateLabelSelector(term.labelSelector, `${path}.labelSelector`))
  errors.push(...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`))
  for (const name of term.namespaces ?? []) checkTexts(errors, `${path}.namespace`, name, isDns1123Label(name))
  checkAffinityKeys(errors, path, term)
  if (!term.topologyKey) errors.push(fieldError.required(`${path}.topologyKey`, "can not be empty"))
  checkLabelName(errors, `${path}.topologyKey`, term.topologyKey ?? "")
}

function checkPodTerms(errors: Errors, path: string, affinity: corev1.PodAffinity | undefined): void {
  const required = `${path}.requiredDuringSchedulingIgnoredDuringExecution`
  for (const [term, at] of indexed(required, affinity?.requiredDuringSchedulingIgnoredDuringExecution)) {
    checkPodTerm(errors, at, term)
  }
  const preferred = `${path}.preferredDuringSchedulingIgnoredDuringExecution`
  for (const [weighted, at] of indexed(preferred, affinity?.preferredDuringSchedulingIgnoredDuringExecution)) {
    checkWeight(errors, `${at}.weight`, weighted.weight)
    checkPodTerm(errors, `${at}.podAffinityTerm`, weighted.podAffinityTerm ?? { topologyKey: "" })
  }
}

export function checkAffinity(errors: Errors, path: string, affinity: corev1.Affinity | undefined): void {
  if (!affinity) return
  const node = affinity.nodeAffinity
  if (node?.requiredDuringSchedulingIgnoredDuringExecution) {
    const at = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`
    checkNodeSelector(errors, at, node.requiredDuringSchedulingIgnoredDuringExecution)
  }
  const preferred = `${path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`
  for (const [term, at] of indexed(preferred, node?.preferredDuringSchedulingIgnoredDuringExecution)) {
    checkWeight(errors, `${at}.weight`, term.weight)
    checkNodeTerm(errors, `${at}.preference`, term.preference, { checkValues: false })
  }
  checkPodTerms(errors, `${path}.podAffinity`, affinity.podAffinity)
  checkPodTerms(errors, `${path}.podAntiAffinity`, affinity.podAntiAffinity)
}

function checkSpreadKeys(errors: Errors, path: string, constraint: corev1.TopologySpreadConstraint): void {
  if (!constraint.matchLabelKeys?.length) return
  if (!constraint.labelSelector) {
    errors.push(fieldError.forbidden(path, "must not be specified when labelSelector is not set"))
  }
  const keys = selectorKeys(constraint.labelSelector)
  for (const [key, at] of indexed(path, constraint.matchLabelKeys)) {
    checkLabelName(errors, at, key)
    if (keys.has(key)) errors.push(fieldError.invalid(at, key, "exists in both matchLabelKeys and labelSelector"))
  }
}

export function checkTopologySpread(
  errors: Errors,
  path: string,
  constraints: readonly corev1.TopologySpreadConstraint[] | undefined,
): void {
  for (const [constraint, at, index] of indexed(path, constraints)) {
    const { maxSkew = 0, minDomains, topologyKey = "", whenUnsatisfiable = "" } = constraint
    if (maxSkew <= 0) errors.push(fieldError.invalid(`${at}.maxSkew`, maxSkew, notPositiveMessage))
    if (!topologyKey) errors.push(fieldError.required(`${at}.topologyKey`, "can not be empty"))
    else checkTexts(errors, `${at}.topologyKey`, topologyKey, isQualifiedName(topologyKey))
    checkSupported(errors, `${at}.whenUnsatisfiable`, whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"])
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, notPositiveMessage))
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
        errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, detail))
      }
    }
    const repeated = constraints
      ?.slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable)
    if (repeated) {
      const pair = `{${topologyKey}, ${whenUnsatisfiable}}`
      errors.push(fieldError.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair))
    }
    checkSupported(errors, `${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, ["Honor", "Ignore"])
    checkSupported(errors, `${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, ["Honor", "Ignore"])
    checkSpreadKeys(errors, `${at}.matchLabelKeys`, constraint)
    errors.push(...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`))
  }
}
