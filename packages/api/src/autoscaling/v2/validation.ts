import {
  compareQuantities,
  fieldError,
  isDns1123Label,
  isPathSegmentName,
  isQuantity,
  validateLabelSelector,
} from "@ladya/apimachinery"
import type * as autoscalingv2 from "../../generated/types/autoscalingv2.ts"
import { checkRequired, checkSupported, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkContainerResourceName } from "../../validation/resources.ts"

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler
type Rules = autoscalingv2.HPAScalingRules

const maxPeriodSeconds = 1800
const maxStabilizationSeconds = 3600

function checkReference(
  errors: Errors,
  path: string,
  ref: autoscalingv2.CrossVersionObjectReference | undefined,
): void {
  for (const key of ["kind", "name"] as const) {
    const value = ref?.[key] ?? ""
    if (checkRequired(errors, `${path}.${key}`, value))
      checkTexts(errors, `${path}.${key}`, value, isPathSegmentName(value))
  }
}

function checkTarget(errors: Errors, path: string, target: autoscalingv2.MetricTarget | undefined): void {
  const type = target?.type ?? ""
  if (type === "") errors.push(fieldError.required(`${path}.type`, "must specify a metric target type"))
  if (!["AverageValue", "Utilization", "Value"].includes(type)) {
    errors.push(fieldError.invalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"))
  }
  const { averageUtilization, averageValue, value } = target ?? {}
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(fieldError.invalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"))
  }
  for (const [name, amount] of [
    ["value", value],
    ["averageValue", averageValue],
  ] as const) {
    if (amount !== undefined && (!isQuantity(amount) || compareQuantities(amount, "0") <= 0)) {
      errors.push(fieldError.invalid(`${path}.${name}`, amount, "must be positive"))
    }
  }
}

/** The field of each type of metric. */
export const sources = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
} as const

function checkMetric(errors: Errors, path: string, metric: autoscalingv2.MetricSpec): void {
  if (!metric.type) {
    errors.push(fieldError.required(`${path}.type`, "must specify a metric source type"))
    return
  }
  if (!Object.hasOwn(sources, metric.type)) {
    errors.push(fieldError.notSupported(`${path}.type`, metric.type, Object.keys(sources)))
    return
  }
  const wanted = sources[metric.type as keyof typeof sources]
  const source = metric[wanted]
  if (!source) {
    const detail = "must populate information for the given metric source"
    errors.push(fieldError.required(`${path}.${wanted}`, detail))
    return
  }
  for (const other of Object.values(sources)) {
    if (other !== wanted && metric[other]) {
      const detail = "must populate the given metric source only"
      errors.push(fieldError.forbidden(`${path}.${other}`, detail))
    }
  }
  const at = `${path}.${wanted}`
  if ("describedObject" in source || metric.type === "Object") {
    checkReference(errors, `${at}.describedObject`, metric.object?.describedObject)
  }
  if (metric.type === "Resource" || metric.type === "ContainerResource") {
    const name = metric[wanted as "resource" | "containerResource"]?.name
    if (checkRequired(errors, `${at}.name`, name, "must specify a resource name") && metric.type !== "Resource") {
      checkContainerResourceName(errors, `${at}.name`, name ?? "")
    }
  }
  if (metric.type === "ContainerResource") {
    const container = metric.containerResource?.container ?? ""
    if (checkRequired(errors, `${at}.container`, container, "must specify a container")) {
      checkTexts(errors, `${at}.container`, container, isDns1123Label(container))
    }
  }
  if (metric.type === "Object" || metric.type === "Pods" || metric.type === "External") {
    const identifier = metric[wanted as "object" | "pods" | "external"]?.metric
    const name = identifier?.name ?? ""
    if (checkRequired(errors, `${at}.metric.name`, name, "must specify a metric name")) {
      checkTexts(errors, `${at}.metric.name`, name, isPathSegmentName(name))
    }
    errors.push(...validateLabelSelector(identifier?.selector, `${at}.metric.selector`))
  }
  checkTarget(errors, `${at}.target`, source.target)
  checkAmounts(errors, `${at}.target`, metric.type, source.target ?? { type: "" })
}

// Which of its amounts a target has to name depends on what is measured.
function checkAmounts(errors: Errors, path: string, type: string, target: autoscalingv2.MetricTarget): void {
  const { averageUtilization, averageValue, value } = target
  if (type === "Resource" || type === "ContainerResource") {
    if (averageUtilization === undefined && averageValue === undefined) {
      const detail = "must set either a target raw value or a target utilization"
      errors.push(fieldError.required(`${path}.averageUtilization`, detail))
    } else if (averageUtilization !== undefined && averageValue !== undefined) {
      const detail = "may not set both a target raw value and a target utilization"
      errors.push(fieldError.forbidden(`${path}.averageValue`, detail))
    }
  } else if (type === "Pods") {
    if (averageValue === undefined) {
      errors.push(fieldError.required(`${path}.averageValue`, "must specify a positive target averageValue"))
    }
  } else if (value === undefined && averageValue === undefined) {
    const detail =
      type === "Object"
        ? "must set either a target value or averageValue"
        : "must set either a target value for metric or a per-pod target"
    errors.push(fieldError.required(`${path}.averageValue`, detail))
  } else if (type === "External" && value !== undefined && averageValue !== undefined) {
    const detail = "may not set both a target value for metric and a per-pod target"
    errors.push(fieldError.forbidden(`${path}.value`, detail))
  }
}

function checkRules(errors: Errors, path: string, rules: Rules | undefined): void {
  if (!rules) return
  const window = rules.stabilizationWindowSeconds
  if (window !== undefined && window < 0) {
    errors.push(
      fieldError.invalid(`${path}.stabilizationWindowSeconds`, window, "must be greater than or equal to zero"),
    )
  }
  if (window !== undefined && window > maxStabilizationSeconds) {
    const detail = `must be less than or equal to ${maxStabilizationSeconds}`
    errors.push(fieldError.invalid(`${path}.stabilizationWindowSeconds`, window, detail))
  }
  checkSupported(errors, `${path}.selectPolicy`, rules.selectPolicy, ["Disabled", "Max", "Min"])
  if (!rules.policies?.length) errors.push(fieldError.required(`${path}.policies`, "must specify at least one Policy"))
  for (const [policy, at] of indexed(`${path}.policies`, rules.policies)) {
    checkSupported(errors, `${at}.type`, policy.type, ["Percent", "Pods"])
    if (!(policy.value > 0)) errors.push(fieldError.invalid(`${at}.value`, policy.value, "must be greater than zero"))
    if (!(policy.periodSeconds > 0)) {
      errors.push(fieldError.invalid(`${at}.periodSeconds`, policy.periodSeconds, "must be greater than zero"))
    }
    if (policy.periodSeconds > maxPeriodSeconds) {
      const detail = `must be less than or equal to ${maxPeriodSeconds}`
      errors.push(fieldError.invalid(`${at}.periodSeconds`, policy.periodSeconds, detail))
    }
  }
}

/** Every wrong field of an autoscaler. */
export function validateAutoscaler({ spec }: Autoscaler, previous: Autoscaler | undefined): Errors {
  const errors: Errors = []
  if (!spec) return [fieldError.required("spec")]
  // To scale to nothing is a feature that v1.36 has switched off unless told.
  const lowest = previous?.spec?.minReplicas === 0 ? 0 : 1
  const { minReplicas = 1, maxReplicas = 0 } = spec
  if (minReplicas < lowest) {
    errors.push(fieldError.invalid("spec.minReplicas", minReplicas, `must be greater than or equal to ${lowest}`))
  }
  if (maxReplicas < 1) errors.push(fieldError.invalid("spec.maxReplicas", maxReplicas, "must be greater than 0"))
  if (maxReplicas < minReplicas) {
    const detail = "must be greater than or equal to `minReplicas`"
    errors.push(fieldError.invalid("spec.maxReplicas", maxReplicas, detail))
  }
  checkReference(errors, "spec.scaleTargetRef", spec.scaleTargetRef)
  for (const [metric, at] of indexed("spec.metrics", spec.metrics)) checkMetric(errors, at, metric)
  if (minReplicas === 0 && !spec.metrics?.some(({ type }) => type === "Object" || type === "External")) {
    const detail = "must specify at least one Object or External metric to support scaling to zero replicas"
    errors.push(fieldError.forbidden("spec.metrics", detail))
  }
  checkRules(errors, "spec.behavior.scaleUp", spec.behavior?.scaleUp)
  checkRules(errors, "spec.behavior.scaleDown", spec.behavior?.scaleDown)
  return errors
}
