import {
  compileLabelSelector,
  type FieldError,
  fieldError,
  type metav1,
  percentOf,
  type Selector,
  validateAnnotations,
  validateLabelSelector,
  validateLabels,
} from "@ladya/apimachinery"
import { checkPodSpec } from "../core/v1/pod/validation-spec.ts"
import type * as corev1 from "../generated/types/corev1.ts"
import { checkNonNegative, type Errors } from "./checks.ts"

const noSpec: corev1.PodSpec = { containers: [] }

/** A pod template by itself. */
export function checkPodTemplate(errors: Errors, path: string, template: corev1.PodTemplateSpec | undefined): void {
  errors.push(...validateLabels(template?.metadata?.labels, `${path}.labels`))
  errors.push(...validateAnnotations(template?.metadata?.annotations, `${path}.annotations`))
  checkPodSpec(errors, `${path}.spec`, template?.spec ?? noSpec, { isPod: false })
  if (template?.spec?.ephemeralContainers?.length) {
    const detail = "ephemeral containers not allowed in pod template"
    errors.push(fieldError.forbidden(`${path}.spec.ephemeralContainers`, detail))
  }
}

/** The template of a workload whose pods run for ever: its labels match the selector, its pods always restart. */
export function checkServingTemplate(
  errors: Errors,
  path: string,
  template: corev1.PodTemplateSpec | undefined,
  selector: Selector | undefined,
  kind: string,
): void {
  if (!template) {
    errors.push(fieldError.required(path))
    return
  }
  const labels = template.metadata?.labels
  if (selector && !selector.everything && !selector.matches(labels)) {
    const detail = "`selector` does not match template `labels`"
    errors.push(fieldError.invalid(`${path}.metadata.labels`, labels ?? null, detail))
  }
  checkPodTemplate(errors, path, template)
  const policy = template.spec?.restartPolicy
  if (policy !== undefined && policy !== "Always") {
    errors.push(fieldError.notSupported(`${path}.spec.restartPolicy`, policy, ["Always"]))
  }
  if (template.spec?.activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${kind} is not Supported`
    errors.push(fieldError.forbidden(`${path}.spec.activeDeadlineSeconds`, detail))
  }
}

/** A required, non-empty selector; undefined when it cannot be used. */
export function checkSelector(
  errors: Errors,
  path: string,
  selector: metav1.LabelSelector | undefined,
  kind: string,
): Selector | undefined {
  if (!selector) {
    errors.push(fieldError.required(path))
    return undefined
  }
  const found: FieldError[] = validateLabelSelector(selector, path)
  errors.push(...found)
  if (found.length > 0) return undefined
  const compiled = compileLabelSelector(selector)
  if (compiled.everything) errors.push(fieldError.invalid(path, selector, `empty selector is invalid for ${kind}`))
  return compiled
}

/** A number of pods, or a percentage of them. */
export function checkIntOrPercent(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "number") checkNonNegative(errors, path, value)
  else if (value !== undefined && percentOf(value) === undefined) {
    const detail = `a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`
    errors.push(fieldError.invalid(path, value, detail))
  }
}

export function checkNotOver100(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "string" && (percentOf(value) ?? 0) > 100) {
    errors.push(fieldError.invalid(path, value, "must not be greater than 100%"))
  }
}

/** Whether it stands for none at all. */
export function isZero(value: number | string | undefined): boolean {
  return value === undefined || value === 0 || (typeof value === "string" && percentOf(value) === 0)
}

/** The text of a selector for `scale` and for columns; empty when it is not valid. */
export function selectorText(selector: metav1.LabelSelector | undefined): string {
  try {
    return compileLabelSelector(selector).toString()
  } catch {
    return ""
  }
}
