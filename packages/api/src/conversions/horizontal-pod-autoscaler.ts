import type * as v1 from "../generated/types/autoscalingv1.ts"
import type * as v2 from "../generated/types/autoscalingv2.ts"
import { compact } from "../objects.ts"

// What v1 cannot say travels in these annotations, so that nothing is lost on the way through it.
const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics"
const currentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics"
const conditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions"
const behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior"
const carried = [metricsAnnotation, currentMetricsAnnotation, conditionsAnnotation, behaviorAnnotation]

const isCpuUtilization = (metric: v2.MetricSpec): boolean =>
  metric.type === "Resource" &&
  metric.resource?.name === "cpu" &&
  metric.resource.target.averageUtilization !== undefined

function parse<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    // A client may write anything here: what cannot be read is dropped, as it means nothing.
    return undefined
  }
}

/** An autoscaling/v1 autoscaler as the v2 one it is kept as. */
export function hpaToV2(hpa: v1.HorizontalPodAutoscaler): v2.HorizontalPodAutoscaler {
  // Validation comes later: a client may have left the spec out.
  if (!hpa.spec) return { ...hpa, apiVersion: "autoscaling/v2", status: { desiredReplicas: 0 } }
  const annotations = hpa.metadata.annotations ?? {}
  const metrics = parse<v2.MetricSpec[]>(annotations[metricsAnnotation]) ?? []
  if (hpa.spec.targetCPUUtilizationPercentage !== undefined) {
    metrics.unshift({
      type: "Resource",
      resource: {
        name: "cpu",
        target: { type: "Utilization", averageUtilization: hpa.spec.targetCPUUtilizationPercentage },
      },
    })
  }
  const currentMetrics = parse<v2.MetricStatus[]>(annotations[currentMetricsAnnotation]) ?? []
  if (hpa.status?.currentCPUUtilizationPercentage !== undefined) {
    currentMetrics.unshift({
      type: "Resource",
      resource: { name: "cpu", current: { averageUtilization: hpa.status.currentCPUUtilizationPercentage } },
    })
  }
  const rest = Object.entries(annotations).filter(([key]) => !carried.includes(key))
  const { annotations: _, ...metadata } = hpa.metadata
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: rest.length > 0 ? { ...metadata, annotations: Object.fromEntries(rest) } : metadata,
    spec: compact({
      scaleTargetRef: hpa.spec.scaleTargetRef,
      minReplicas: hpa.spec.minReplicas,
      maxReplicas: hpa.spec.maxReplicas,
      metrics: metrics.length > 0 ? metrics : undefined,
      behavior: parse<v2.HorizontalPodAutoscalerBehavior>(annotations[behaviorAnnotation]),
    }),
    ...(hpa.status
      ? {
          status: compact({
            observedGeneration: hpa.status.observedGeneration,
            lastScaleTime: hpa.status.lastScaleTime,
            currentReplicas: hpa.status.currentReplicas,
            desiredReplicas: hpa.status.desiredReplicas,
            currentMetrics: currentMetrics.length > 0 ? currentMetrics : undefined,
            conditions: parse<v2.HorizontalPodAutoscalerCondition[]>(annotations[conditionsAnnotation]),
          }),
        }
      : {}),
  }
}

/** The inverse of hpaToV2. */
export function hpaFromV2(hpa: v2.HorizontalPodAutoscaler): v1.HorizontalPodAutoscaler {
  const annotations: Record<string, string> = { ...hpa.metadata.annotations }
  for (const key of carried) delete annotations[key]
  const cpu = hpa.spec.metrics?.find(isCpuUtilization)
  const others = (hpa.spec.metrics ?? []).filter((metric) => metric !== cpu)
  if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others)
  const currentCpu = hpa.status?.currentMetrics?.find(
    (metric) => metric.resource?.name === "cpu" && metric.resource.current.averageUtilization !== undefined,
  )
  const otherCurrent = (hpa.status?.currentMetrics ?? []).filter((metric) => metric !== currentCpu)
  if (otherCurrent.length > 0) annotations[currentMetricsAnnotation] = JSON.stringify(otherCurrent)
  if (hpa.status?.conditions?.length) annotations[conditionsAnnotation] = JSON.stringify(hpa.status.conditions)
  if (hpa.spec.behavior) annotations[behaviorAnnotation] = JSON.stringify(hpa.spec.behavior)
  const { annotations: _, ...metadata } = hpa.metadata
  return {
    apiVersion: "autoscaling/v1",
    kind: "HorizontalPodAutoscaler",
    metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata,
    spec: compact({
      scaleTargetRef: hpa.spec.scaleTargetRef,
      minReplicas: hpa.spec.minReplicas,
      maxReplicas: hpa.spec.maxReplicas,
      targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization,
    }),
    ...(hpa.status
      ? {
          status: compact({
            observedGeneration: hpa.status.observedGeneration,
            lastScaleTime: hpa.status.lastScaleTime,
            currentReplicas: hpa.status.currentReplicas ?? 0,
            desiredReplicas: hpa.status.desiredReplicas,
            currentCPUUtilizationPercentage: currentCpu?.resource?.current.averageUtilization,
          }),
        }
      : {}),
  }
}
