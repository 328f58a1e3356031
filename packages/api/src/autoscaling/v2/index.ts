import { hpaToV2 } from "../../conversions/horizontal-pod-autoscaler.ts"
import type * as autoscalingv1 from "../../generated/types/autoscalingv1.ts"
import type * as autoscalingv2 from "../../generated/types/autoscalingv2.ts"
import type { Column, KindBehaviour } from "../../kind.ts"
import { ageColumn, nameColumn, text } from "../../printing/columns.ts"
import { keepField } from "../../strategy.ts"
import { sources, validateAutoscaler } from "./validation.ts"

type Autoscaler = autoscalingv2.HorizontalPodAutoscaler
type Rules = autoscalingv2.HPAScalingRules

const defaultCpuPercent = 80

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
  validate: validateAutoscaler,
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
