import {
  compileLabelSelector,
  fieldError,
  isQualifiedName,
  semanticEqual,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as batchv1 from "../../../generated/types/batchv1.ts"
import {
  checkImmutable,
  checkNonNegative,
  checkOneOf,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkPodTemplate } from "../../../validation/templates.ts"

const maxIndexedParallelism = 100_000

function checkFailurePolicy(errors: Errors, path: string, spec: batchv1.JobSpec): void {
  const policy = spec.podFailurePolicy
  if (!policy) return
  if (spec.template?.spec?.restartPolicy !== "Never") {
    const detail = 'only "Never" is supported when podFailurePolicy is specified'
    errors.push(fieldError.invalid("spec.template.spec.restartPolicy", spec.template?.spec?.restartPolicy, detail))
  }
  const rules = policy.rules ?? []
  if (rules.length > 20) errors.push(fieldError.tooMany(`${path}.rules`, rules.length, 20))
  const containers = [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])]
  for (const [rule, at] of indexed(`${path}.rules`, rules)) {
    checkOneOf(errors, `${at}.action`, rule.action, ["Count", "FailIndex", "FailJob", "Ignore"])
    if (rule.action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
      errors.push(fieldError.invalid(`${at}.action`, rule.action, "requires the backoffLimitPerIndex to be set"))
    }
    if (!rule.onExitCodes && !rule.onPodConditions?.length) {
      errors.push(fieldError.invalid(at, rule, "specifying one of OnExitCodes and OnPodConditions is required"))
    }
    if (rule.onExitCodes && rule.onPodConditions?.length) {
      errors.push(fieldError.invalid(at, rule, "specifying both OnExitCodes and OnPodConditions is not supported"))
    }
    const codes = rule.onExitCodes
    if (!codes) continue
    const codesPath = `${at}.onExitCodes`
    checkOneOf(errors, `${codesPath}.operator`, codes.operator, ["In", "NotIn"])
    if (codes.containerName && !containers.some(({ name }) => name === codes.containerName)) {
      const detail = "must be one of the container or initContainer names in the pod template"
      errors.push(fieldError.invalid(`${codesPath}.containerName`, codes.containerName, detail))
    }
    const values = codes.values ?? []
    if (values.length === 0)
      errors.push(fieldError.invalid(`${codesPath}.values`, values, "at least one value is required"))
    if (values.length > 255) errors.push(fieldError.tooMany(`${codesPath}.values`, values.length, 255))
    if (codes.operator === "In" && values.includes(0)) {
      const detail = "must not be 0 for the In operator"
      errors.push(fieldError.invalid(`${codesPath}.values[${values.indexOf(0)}]`, 0, detail))
    }
  }
}

function checkIndexed(errors: Errors, spec: batchv1.JobSpec): void {
  if (spec.completionMode === "Indexed") {
    if (spec.completions === undefined) {
      errors.push(fieldError.required("spec.completions", "when completion mode is Indexed"))
    }
    if ((spec.parallelism ?? 0) > maxIndexedParallelism) {
      const detail = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`
      errors.push(fieldError.invalid("spec.parallelism", spec.parallelism, detail))
    }
    if (
      spec.maxFailedIndexes !== undefined &&
      spec.completions !== undefined &&
      spec.maxFailedIndexes > spec.completions
    ) {
      const detail = "must be less than or equal to completions"
      errors.push(fieldError.invalid("spec.maxFailedIndexes", spec.maxFailedIndexes, detail))
    }
  } else {
    if (spec.backoffLimitPerIndex !== undefined) {
      const detail = "requires indexed completion mode"
      errors.push(fieldError.invalid("spec.backoffLimitPerIndex", spec.backoffLimitPerIndex, detail))
    }
    if (spec.successPolicy) {
      errors.push(fieldError.invalid("spec.successPolicy", spec.successPolicy, "requires indexed completion mode"))
    }
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldError.required("spec.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
  }
}

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
  checkIndexed(errors, spec)
  checkFailurePolicy(errors, `${path}.podFailurePolicy`, spec)
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

export function validateJob(next: batchv1.Job, previous: batchv1.Job | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  checkJobSpec(errors, "spec", spec)
  checkSelector(errors, spec)
  if (previous) checkUpdate(errors, next, previous)
  return errors
}
