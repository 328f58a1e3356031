import type { autoscalingv2 } from "@ladya/api"
import { type History, normalize, remember, type Verdict } from "./behavior.ts"
import type { Evaluated } from "./evaluate.ts"

type Condition = Omit<autoscalingv2.HorizontalPodAutoscalerCondition, "lastTransitionTime">

export interface PlanInput {
  spec: autoscalingv2.HorizontalPodAutoscalerSpec
  current: number
  /** What each metric proposes; not asked for where the bounds alone decide. */
  metrics: readonly Evaluated[]
  history: History
  now: number
}

export interface Plan {
  desired: number
  /** Why the number changes; undefined when it does not. */
  reason: string | undefined
  conditions: readonly Condition[]
  /** Undefined: as before. */
  currentMetrics: readonly autoscalingv2.MetricStatus[] | undefined
  /** Why nothing could be worked out from the metrics, or not from all. */
  failure: string | undefined
  history: History
}

const condition = (type: string, status: "True" | "False", verdict: Verdict): Condition => ({
  type,
  status,
  ...verdict,
})

/** What the bounds decide by themselves: metrics need not be read. */
export function planByBounds({
  spec,
  current,
}: Pick<PlanInput, "spec" | "current">): Pick<Plan, "desired" | "reason" | "conditions"> | undefined {
  const { minReplicas: min = 1, maxReplicas: max } = spec
  if (current === 0 && min !== 0) {
    const disabled = {
      reason: "ScalingDisabled",
      message: "scaling is disabled since the replica count of the target is zero",
    }
    return { desired: 0, reason: undefined, conditions: [condition("ScalingActive", "False", disabled)] }
  }
  if (current > max) {
    return { desired: max, reason: "Current number of replicas above Spec.MaxReplicas", conditions: [] }
  }
  if (current < min) {
    return { desired: min, reason: "Current number of replicas below Spec.MinReplicas", conditions: [] }
  }
  return undefined
}

/** How many replicas there should be, by all metrics together. */
export function planByMetrics(input: PlanInput): Plan {
  const { spec, current, metrics, history, now } = input
  const { minReplicas: min = 1, maxReplicas: max, behavior } = spec
  const valid = metrics.filter((one) => one.kind === "valid")
  const invalid = metrics.filter((one) => one.kind === "invalid")
  // The largest wins; the first of equals.
  const best = valid.reduce<(typeof valid)[number] | undefined>(
    (found, one) => (found === undefined || one.replicas > found.replicas ? one : found),
    undefined,
  )
  const [firstWrong] = invalid
  const failure =
    firstWrong &&
    `invalid metrics (${invalid.length} invalid out of ${metrics.length}), first error is: ${firstWrong.message}`
  // With a metric missing it may grow, but not shrink: the missing one could be what holds it up.
  if (!best || (firstWrong && best.replicas < current)) {
    const verdict = {
      reason: firstWrong?.reason ?? "InvalidMetricSourceType",
      message: `the HPA was unable to compute the replica count: ${firstWrong?.message ?? "no metrics"}`,
    }
    const conditions = [condition("ScalingActive", "False", verdict)]
    return { desired: current, reason: undefined, conditions, currentMetrics: undefined, failure, history }
  }
  const { replicas, stabilized, limit, isLimited } = normalize({
    ...{ current, desired: best.replicas, min, max, behavior, history, now },
  })
  const ready = { reason: "ReadyForNewScale", message: "recommended size matches current size" }
  const found = {
    reason: "ValidMetricFound",
    message: `the HPA was able to successfully calculate a replica count from ${best.name}`,
  }
  return {
    desired: replicas,
    reason:
      replicas > current ? `${best.name} above target` : replicas < current ? "All metrics below target" : undefined,
    conditions: [
      condition("ScalingActive", "True", found),
      condition("AbleToScale", "True", stabilized ?? ready),
      condition("ScalingLimited", isLimited ? "True" : "False", limit),
    ],
    currentMetrics: metrics.flatMap((one) => (one.kind === "valid" ? [one.status] : [])),
    failure,
    history: remember(history, { recommendation: best.replicas }, now),
  }
}
