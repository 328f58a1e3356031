import {
  compileLabelSelector,
  fieldError,
  formatLabels,
  isDns1123Label,
  isQualifiedName,
  semanticEqual,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as batchv1 from "../../../generated/types/batchv1.ts"
import {
  checkImmutable,
  checkNonNegative,
  checkSupported,
  checkTexts,
  type Errors,
} from "../../../validation/checks.ts"
import { checkPodTemplate } from "../../../validation/templates.ts"
import { checkFailurePolicy, checkIndexed, checkSuccessPolicy } from "./validation-policies.ts"

/** Without what a CronJob's template need not have: the selector. */
export function checkJobSpec(errors: Errors, path: string, spec: batchv1.JobSpec): void {
  checkNonNegative(errors, `${path}.parallelism`, spec.parallelism)
  checkNonNegative(errors, `${path}.completions`, spec.completions)
  checkNonNegative(errors, `${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds)
  checkNonNegative(errors, `${path}.backoffLimit`, spec.backoffLimit)
  checkNonNegative(errors, `${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex)
  checkNonNegative(errors, `${path}.maxFailedIndexes`, spec.maxFailedIndexes)
  checkNonNegative(errors, `${path}.ttlSecondsAfterFinished`, spec.ttlSecondsAfterFinished)
  checkSupported(errors, `${path}.completionMode`, spec.completionMode, ["Indexed", "NonIndexed"])
  checkIndexed(errors, path, spec)
  checkFailurePolicy(errors, path, spec)
  checkSuccessPolicy(errors, path, spec)
  checkSupported(errors, `${path}.podReplacementPolicy`, spec.podReplacementPolicy, ["Failed", "TerminatingOrFailed"])
  if (spec.podFailurePolicy && spec.podReplacementPolicy === "TerminatingOrFailed") {
    errors.push(fieldError.notSupported(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, ["Failed"]))
  }
  if (spec.managedBy !== undefined) {
    const messages = isQualifiedName(spec.managedBy)
    if (messages.length === 0 && !spec.managedBy.includes("/")) messages.push("should be a domain-prefixed path")
    checkTexts(errors, `${path}.managedBy`, spec.managedBy, messages)
  }
  checkPodTemplate(errors, `${path}.template`, spec.template)
  const policy = spec.template?.spec?.restartPolicy ?? ""
  if (policy === "Always" || policy === "") {
    const detail = 'valid values: "OnFailure", "Never"'
    errors.push(fieldError.required(`${path}.template.spec.restartPolicy`, detail))
  } else if (policy !== "OnFailure" && policy !== "Never") {
    errors.push(fieldError.notSupported(`${path}.template.spec.restartPolicy`, policy, ["OnFailure", "Never"]))
  }
}

function checkSelector(errors: Errors, spec: batchv1.JobSpec): void {
  if (!spec.selector) {
    errors.push(fieldError.required("spec.selector"))
    return
  }
  const found = validateLabelSelector(spec.selector, "spec.selector")
  errors.push(...found)
  const labels = spec.template?.metadata?.labels
  if (found.length === 0 && !compileLabelSelector(spec.selector).matches(labels)) {
    const detail = "`selector` does not match template `labels`"
    errors.push(fieldError.invalid("spec.template.metadata.labels", labels ?? null, detail))
  }
}

function checkUpdate(errors: Errors, next: batchv1.Job, previous: batchv1.Job): void {
  const spec = next.spec ?? { template: {} }
  const before = previous.spec ?? { template: {} }
  // An indexed Job may grow and shrink as long as all its indexes may run at once.
  const elastic = spec.completionMode === "Indexed" && spec.completions === spec.parallelism
  if (!elastic) checkImmutable(errors, "spec.completions", spec.completions, before.completions)
  checkImmutable(errors, "spec.selector", spec.selector, before.selector)
  // A suspended Job that never ran may still be told where to run.
  const fresh = before.suspend && !previous.status?.startTime
  if (!fresh || !semanticEqual(movable(spec), movable(before))) {
    if (!semanticEqual(spec.template, before.template)) {
      errors.push(fieldError.invalid("spec.template", spec.template, "field is immutable"))
    }
  }
  checkImmutable(errors, "spec.completionMode", spec.completionMode, before.completionMode)
  checkImmutable(errors, "spec.podFailurePolicy", spec.podFailurePolicy, before.podFailurePolicy)
  checkImmutable(errors, "spec.backoffLimitPerIndex", spec.backoffLimitPerIndex, before.backoffLimitPerIndex)
  checkImmutable(errors, "spec.managedBy", spec.managedBy, before.managedBy)
  checkImmutable(errors, "spec.successPolicy", spec.successPolicy, before.successPolicy)
}

// The template without what may change before the first start.
function movable(spec: batchv1.JobSpec): unknown {
  const { metadata, spec: pod } = spec.template
  const { annotations: _, labels: __, ...rest } = metadata ?? {}
  const {
    nodeSelector: ___,
    tolerations: ____,
    schedulingGates: _____,
    affinity,
    ...others
  } = pod ?? { containers: [] }
  const { nodeAffinity: ______, ...otherAffinity } = affinity ?? {}
  const containers = others.containers.map(({ resources: _______, ...container }) => container)
  return { rest, others: { ...others, containers }, otherAffinity }
}

/** The labels by which a Job knows its pods, as the server writes them. */
export function generatedLabels({ metadata }: batchv1.Job): Record<string, string> {
  const { uid = "", name = "" } = metadata
  return {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  }
}

// A client that writes these labels or the selector itself has taken them from another Job, or means manualSelector.
function checkGenerated(errors: Errors, job: batchv1.Job): void {
  const spec = job.spec
  if (!spec?.selector || spec.manualSelector) return
  if (!job.metadata.uid) errors.push(fieldError.required("metadata.uid"))
  const labels = spec.template?.metadata?.labels ?? {}
  const expected = generatedLabels(job)
  for (const [key, value] of Object.entries(expected)) {
    const at = `spec.template.metadata.labels[${key}]`
    const detail = `must be '${value}'`
    if (labels[key] === undefined) errors.push(fieldError.required(at, detail))
    else if (labels[key] !== value) errors.push(fieldError.invalid(at, formatLabels(labels), detail))
  }
  const isSound = validateLabelSelector(spec.selector, "spec.selector").length === 0
  if (isSound && !compileLabelSelector(spec.selector).matches(expected)) {
    errors.push(fieldError.invalid("spec.selector", spec.selector, "`selector` not auto-generated"))
  }
}

// The index is put behind the name: the last pod must still have one that a host may have.
function checkIndexedName(errors: Errors, { metadata, spec }: batchv1.Job): void {
  if (spec?.completionMode !== "Indexed" || !spec.completions) return
  const longest = `${metadata.name}-${spec.completions - 1}`
  if (isDns1123Label(longest).length === 0) return
  const detail = `will not able to create pod with invalid DNS label: ${longest}`
  errors.push(fieldError.invalid("metadata.name", metadata.name, detail))
}

export function validateJob(next: batchv1.Job, previous: batchv1.Job | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  if (!previous) checkGenerated(errors, next)
  checkJobSpec(errors, "spec", spec)
  checkSelector(errors, spec)
  checkIndexedName(errors, next)
  if (previous) checkUpdate(errors, next, previous)
  return errors
}
