import type { batchv1 } from "@ladya/api"
import { findCondition, isConditionTrue, setCondition } from "@ladya/apimachinery"

type Job = batchv1.Job
type Condition = batchv1.JobCondition

export function isFinished(job: Job): boolean {
  return isConditionTrue(job.status?.conditions, "Complete") || isConditionTrue(job.status?.conditions, "Failed")
}

/** How a Job ends: first as an intention, while its pods are brought to their end, then for good. */
export interface Outcome {
  kind: "failed" | "succeeded"
  reason: string
  message: string
}

/** The outcome that was decided on before. */
export function decidedOutcome(job: Job): Outcome | undefined {
  const { conditions } = job.status ?? {}
  const target = findCondition(conditions, "FailureTarget")
  if (target?.status === "True") return { kind: "failed", reason: target.reason ?? "", message: target.message ?? "" }
  const met = findCondition(conditions, "SuccessCriteriaMet")
  if (met?.status === "True") return { kind: "succeeded", reason: met.reason ?? "", message: met.message ?? "" }
  return undefined
}

export function withOutcome(
  conditions: readonly Condition[],
  outcome: Outcome,
  options: { final: boolean },
  now: number,
): readonly Condition[] {
  const { kind, reason, message } = outcome
  const types =
    kind === "failed" ? (["FailureTarget", "Failed"] as const) : (["SuccessCriteriaMet", "Complete"] as const)
  let next = conditions
  for (const type of options.final ? types : types.slice(0, 1)) {
    next = setCondition(next, { type, status: "True", reason, message }, now)
  }
  return next
}
