import {
  compareQuantities,
  fieldError,
  isPathSegmentName,
  isQuantity,
  validateLabelSelector,
} from "@ladya/apimachinery"
import { hpaToV2 } from "../../conversions/horizontal-pod-autoscaler.ts"
import type * as autoscalingv1 from "../../generated/types/autoscalingv1.ts"
import type * as autoscalingv2 from "../../generated/types/autoscalingv2.ts"
import type { Column, KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { keepField } from "../../strategy.ts"
import { checkOneOf, checkRequired, checkSupported, checkTexts, type Errors, indexed } from "../../validation/checks.ts"

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler
type Rules = autoscalingv2.HPAScalingRules

const defaultCpuPercent = 80
const maxPeriodSeconds = 1800
const maxStabilizationSeconds = 3600

function defaultRules(rules: Rules | undefined, initial: Rules): Rules {
  return {
    ...initial,
    ...rules,
    policies: rules?.policies?.length ? rules.policies : (initial.policies ?? []),
  }
}

function defaults(draft: Autoscaler): void {
  draft.spec ??= { maxReplicas: 0, scaleTargetRef: { kind: "", name: "" } }
  const { spec } = draft
  spec.minReplicas ??= 1
  if (!spec.metrics?.length) {
    const target = { type: "Utilization", averageUtilization: defaultCpuPercent }
    spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }]
  }
  if (!spec.behavior) return
  spec.behavior.scaleUp = defaultRules(spec.behavior.scaleUp, {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  })
  spec.behavior.scaleDown = defaultRules(spec.behavior.scaleDown, {
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  })
}

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
  checkOneOf(
    errors,
    `${path}.type`,
    target?.type,
    ["AverageValue", "Utilization", "Value"],
    "must specify a metric target type",
  )
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

const sources = {
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
  checkTarget(errors, `${path}.${wanted}.target`, source.target)
  if ("name" in source) checkRequired(errors, `${path}.${wanted}.name`, source.name, "must specify a resource name")
  if ("container" in source)
    checkRequired(errors, `${path}.${wanted}.container`, source.container, "must specify a container")
  if ("metric" in source) {
    checkRequired(errors, `${path}.${wanted}.metric.name`, source.metric?.name, "must specify a metric name")
    errors.push(...validateLabelSelector(source.metric?.selector, `${path}.${wanted}.metric.selector`))
  }
  if ("describedObject" in source) checkReference(errors, `${path}.object.describedObject`, source.describedObject)
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

function validate({ spec }: Autoscaler): Errors {
  const errors: Errors = []
  if (!spec) return [fieldError.required("spec")]
  // To scale to nothing there must be something else than the pods to measure.
  const mayBeZero = spec.metrics?.some(({ type }) => type === "Object" || type === "External")
  const lowest = mayBeZero ? 0 : 1
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
  checkRules(errors, "spec.behavior.scaleUp", spec.behavior?.scaleUp)
  checkRules(errors, "spec.behavior.scaleDown", spec.behavior?.scaleDown)
  return errors
}

const kindOf = (metric: autoscalingv2.MetricSpec): keyof typeof sources => metric.type as keyof typeof sources

function currentOf(
  hpa: Autoscaler,
  metric: autoscalingv2.MetricSpec,
  index: number,
): autoscalingv2.MetricValueStatus | undefined {
  const status = hpa.status?.currentMetrics?.[index]
  return status?.type === metric.type ? status[sources[kindOf(metric)]]?.current : undefined
}

function targetText(hpa: Autoscaler): string {
  const metrics = hpa.spec?.metrics ?? []
  if (metrics.length === 0) return "<none>"
  const parts = metrics.map((metric, index) => {
    const source = metric[sources[kindOf(metric)]]
    const current = currentOf(hpa, metric, index)
    const { averageUtilization, averageValue, value } = source?.target ?? {}
    const prefix = metric.type.endsWith("Resource") && source && "name" in source ? `${source.name}: ` : ""
    if (averageUtilization !== undefined) {
      const now = current?.averageUtilization === undefined ? "<unknown>" : `${current.averageUtilization}%`
      return `${prefix}${now}/${averageUtilization}%`
    }
    if (averageValue !== undefined) return `${prefix}${current?.averageValue ?? "<unknown>"}/${averageValue} (avg)`
    return `${prefix}${current?.value ?? "<unknown>"}/${value ?? "<auto>"}`
  })
  const shown = parts.slice(0, 2).join(", ")
  return parts.length > 2 ? `${shown} + ${parts.length - 2} more...` : shown
}

const columns: readonly Column<Autoscaler>[] = [
  nameColumn,
  text("Reference", ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`),
  text("Targets", targetText),
  text("MinPods", ({ spec }) => String(spec?.minReplicas ?? "<unset>")),
  text("MaxPods", ({ spec }) => String(spec?.maxReplicas ?? 0)),
  text("Replicas", ({ status }) => String(status?.currentReplicas ?? 0)),
  ageColumn,
]

const strategy = {
  prepareForUpdate: (draft: Autoscaler, previous: Autoscaler): void => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft: Autoscaler, previous: Autoscaler): void => keepField(draft, previous, "spec"),
}

export const horizontalPodAutoscaler: KindBehaviour<Autoscaler> = {
  default: defaults,
  prepareForCreate(draft) {
    draft.status = { desiredReplicas: 0, currentReplicas: 0 }
  },
  ...strategy,
  validate: (next) => validate(next),
  columns,
}

/** The first version: only its defaults are its own, all else happens in the stored one. */
export const horizontalPodAutoscalerV1: KindBehaviour<autoscalingv1.HorizontalPodAutoscaler> = {
  default(draft) {
    draft.spec ??= { maxReplicas: 0, scaleTargetRef: { kind: "", name: "" } }
    draft.spec.minReplicas ??= 1
  },
  columns: columns.map((column) => ({
    ...column,
    cell: (hpa: autoscalingv1.HorizontalPodAutoscaler, now: number) => column.cell(hpaToV2(hpa), now),
  })),
}
