import { type FieldError, fieldError } from "../field-error.ts"
import type { LabelSelector, LabelSelectorRequirement } from "../generated/metav1.ts"
import { statusError } from "../status.ts"
import { isLabelValue, isQualifiedName } from "../validation/names.ts"
import {
  errorsText,
  everythingSelector,
  type LabelMap,
  newSelector,
  nothingSelector,
  type Requirement,
  requirementErrors,
  type Selector,
  type SelectorOperator,
} from "./requirement.ts"

const operators: Readonly<Record<string, SelectorOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
}

function requirementsOf(selector: LabelSelector): Requirement[] {
  const requirements: Requirement[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: "=", values: [value] })
  }
  for (const { key, operator: name, values } of selector.matchExpressions ?? []) {
    const operator = Object.hasOwn(operators, name) ? operators[name] : undefined
    if (!operator) throw statusError.badRequest(`${JSON.stringify(name)} is not a valid label selector operator`)
    requirements.push({ key, operator, values: values ?? [] })
  }
  for (const requirement of requirements) {
    const errors = requirementErrors(requirement.key, requirement.operator, requirement.values)
    if (errors.length > 0) throw statusError.badRequest(errorsText(errors))
  }
  return requirements
}

const compiled = new WeakMap<LabelSelector, Selector>()

/**
 * Compiles a LabelSelector object. Absent matches nothing, empty matches everything. Throws a 400 Status for one
 * that is not valid. Selectors of frozen objects are compiled once.
 */
export function compileLabelSelector(selector: LabelSelector | undefined): Selector {
  if (!selector) return nothingSelector
  const known = compiled.get(selector)
  if (known) return known
  const requirements = requirementsOf(selector)
  const result = requirements.length === 0 ? everythingSelector : newSelector(requirements)
  if (Object.isFrozen(selector)) compiled.set(selector, result)
  return result
}

/** Compiles a map of labels that must all be there (Service.spec.selector …). Empty or absent matches everything. */
export function selectorFromMap(labels: LabelMap | undefined): Selector {
  const requirements = Object.entries(labels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: "=", values: [value] }),
  )
  return requirements.length === 0 ? everythingSelector : newSelector(requirements)
}

/** As `kubectl get -o wide` shows a selector: `<none>` when it is empty, `<error>` when it is not valid. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return compileLabelSelector(selector).toString() || "<none>"
  } catch {
    return "<error>"
  }
}

/** `a=b,c=d` in the order of the keys; `<none>` when there are no labels. */
export function formatLabels(labels: LabelMap | undefined): string {
  const text = Object.keys(labels ?? {})
    .sort()
    .map((key) => `${key}=${labels?.[key]}`)
    .join(",")
  return text || "<none>"
}

/** What is wrong with the keys and values of labels, all at one path. */
export function validateLabels(labels: LabelMap | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const message of isQualifiedName(key)) errors.push(fieldError.invalid(path, key, message))
    for (const message of isLabelValue(value)) errors.push(fieldError.invalid(path, value, message))
  }
  return errors
}

function validateRequirement(requirement: LabelSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = []
  const count = requirement.values?.length ?? 0
  const { operator } = requirement
  if (operator === "In" || operator === "NotIn") {
    if (count === 0) {
      errors.push(fieldError.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    }
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (count > 0) {
      errors.push(
        fieldError.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      )
    }
  } else errors.push(fieldError.invalid(`${path}.operator`, operator, "not a valid selector operator"))
  for (const message of isQualifiedName(requirement.key)) {
    errors.push(fieldError.invalid(`${path}.key`, requirement.key, message))
  }
  for (const [index, value] of (requirement.values ?? []).entries()) {
    for (const message of isLabelValue(value)) {
      errors.push(fieldError.invalid(`${path}.values[${index}]`, value, message))
    }
  }
  return errors
}

/** Every wrong field of a LabelSelector. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): FieldError[] {
  if (!selector) return []
  const errors = validateLabels(selector.matchLabels, `${path}.matchLabels`)
  for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
    errors.push(...validateRequirement(requirement, `${path}.matchExpressions[${index}]`))
  }
  return errors
}
