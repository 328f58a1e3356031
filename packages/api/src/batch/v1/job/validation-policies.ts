import { fieldError, isQualifiedName } from "@ladya/apimachinery"
import type * as batchv1 from "../../../generated/types/batchv1.ts"
import { checkNonNegative, checkOneOf, checkTexts, type Errors, indexed } from "../../../validation/checks.ts"

const maxIndexedParallelism = 100_000
const maxRules = 20

/** What is to be done about pods that failed. */
export function checkFailurePolicy(errors: Errors, specPath: string, spec: batchv1.JobSpec): void {
  const path = `${specPath}.podFailurePolicy`
  const policy = spec.podFailurePolicy
  if (!policy) return
  if (spec.template?.spec?.restartPolicy !== "Never") {
    const detail = 'only "Never" is supported when podFailurePolicy is specified'
    errors.push(
      fieldError.invalid(`${specPath}.template.spec.restartPolicy`, spec.template?.spec?.restartPolicy, detail),
    )
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
    const conditions = rule.onPodConditions ?? []
    if (conditions.length > 20) errors.push(fieldError.tooMany(`${at}.onPodConditions`, conditions.length, 20))
    for (const [pattern, patternPath] of indexed(`${at}.onPodConditions`, conditions)) {
      checkTexts(errors, `${patternPath}.type`, pattern.type ?? "", isQualifiedName(pattern.type ?? ""))
      checkOneOf(errors, `${patternPath}.status`, pattern.status, ["False", "True", "Unknown"])
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
    const known = new Set<number>()
    for (const [value, valuePath] of indexed(`${codesPath}.values`, values)) {
      if (known.has(value)) errors.push(fieldError.duplicate(valuePath, value))
      known.add(value)
    }
    if (values.some((value, index) => value < (values[index - 1] ?? value))) {
      errors.push(fieldError.invalid(`${codesPath}.values`, values, "must be ordered"))
    }
    if (codes.operator === "In" && values.includes(0)) {
      const detail = "must not be 0 for the In operator"
      errors.push(fieldError.invalid(`${codesPath}.values[${values.indexOf(0)}]`, 0, detail))
    }
  }
}

/** What only Jobs with indexes may have, and what those must. */
export function checkIndexed(errors: Errors, path: string, spec: batchv1.JobSpec): void {
  if (spec.completionMode === "Indexed") {
    if (spec.completions === undefined) {
      errors.push(fieldError.required(`${path}.completions`, "when completion mode is Indexed"))
    }
    if ((spec.parallelism ?? 0) > maxIndexedParallelism) {
      const detail = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`
      errors.push(fieldError.invalid(`${path}.parallelism`, spec.parallelism, detail))
    }
    if (
      spec.maxFailedIndexes !== undefined &&
      spec.completions !== undefined &&
      spec.maxFailedIndexes > spec.completions
    ) {
      const detail = "must be less than or equal to completions"
      errors.push(fieldError.invalid(`${path}.maxFailedIndexes`, spec.maxFailedIndexes, detail))
    }
  } else {
    if (spec.backoffLimitPerIndex !== undefined) {
      const detail = "requires indexed completion mode"
      errors.push(fieldError.invalid(`${path}.backoffLimitPerIndex`, spec.backoffLimitPerIndex, detail))
    }
    if (spec.successPolicy) {
      errors.push(fieldError.invalid(`${path}.successPolicy`, spec.successPolicy, "requires indexed completion mode"))
    }
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldError.required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"))
  }
}

/** When a Job with indexes has done enough. */
export function checkSuccessPolicy(errors: Errors, path: string, spec: batchv1.JobSpec): void {
  const rules = spec.successPolicy?.rules ?? []
  if (!spec.successPolicy || spec.completionMode !== "Indexed") return
  const at = `${path}.successPolicy.rules`
  if (rules.length === 0) {
    errors.push(fieldError.required(at, "at least one rules must be specified when the successPolicy is specified"))
  }
  if (rules.length > maxRules) errors.push(fieldError.tooMany(at, rules.length, maxRules))
  for (const [rule, rulePath] of indexed(at, rules)) checkSuccessRule(errors, rulePath, rule, spec.completions ?? 0)
}

function checkSuccessRule(errors: Errors, path: string, rule: batchv1.SuccessPolicyRule, completions: number): void {
  const { succeededIndexes, succeededCount } = rule
  if (succeededIndexes === undefined && succeededCount === undefined) {
    const detail = "at least one of succeededCount or succeededIndexes must be specified"
    errors.push(fieldError.required(path, detail))
  }
  let named = 0
  if (succeededIndexes !== undefined) {
    const counted = countIndexes(succeededIndexes, completions)
    if (typeof counted === "string") {
      const detail = `error parsing succeededIndexes: ${counted}`
      errors.push(fieldError.invalid(`${path}.succeededIndexes`, succeededIndexes, detail))
    } else named = counted
  }
  if (succeededCount === undefined) return
  const at = `${path}.succeededCount`
  checkNonNegative(errors, at, succeededCount)
  if (succeededCount > completions) {
    const detail = `must be less than or equal to ${completions} (the number of specified completions)`
    errors.push(fieldError.invalid(at, succeededCount, detail))
  }
  if (succeededIndexes !== undefined && succeededCount > named) {
    const which = "the number of indexes in the specified succeededIndexes field"
    errors.push(fieldError.invalid(at, succeededCount, `must be less than or equal to ${named} (${which})`))
  }
}

// How many indexes `1,3-5,7` names, or what is wrong with it.
function countIndexes(text: string, completions: number): number | string {
  if (text === "") return 0
  let last: number | undefined
  let count = 0
  for (const part of text.split(",")) {
    const limits = part.split("-")
    if (limits.length > 2) {
      return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`
    }
    const [first, end] = [limits[0] ?? "", limits.at(-1) ?? ""]
    for (const limit of new Set([first, end])) {
      if (!/^\d+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`
      if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`
    }
    if (last !== undefined && last >= Number(first)) return `non-increasing order, previous: ${last}, current: ${first}`
    if (limits.length === 2 && Number(first) >= Number(end)) {
      return `non-increasing order, previous: ${first}, current: ${end}`
    }
    last = Number(end)
    count += last - Number(first) + 1
  }
  return count
}
