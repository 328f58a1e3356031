import { type corev1, isPodReady, type policyv1 } from "@ladya/api"
import {
  formatTime,
  type IntOrString,
  type metav1,
  parseTime,
  resolveIntOrPercent,
  setCondition,
} from "@ladya/apimachinery"

type Budget = policyv1.PodDisruptionBudget
type Pod = corev1.Pod

/** A pod that was to be evicted and is still there after this was not. */
const disruptionTimeoutMs = 120_000

export interface BudgetInput {
  budget: Budget
  /** Those it selects. */
  pods: readonly Pod[]
  /** How many pods the owners of these want; undefined when one of them has no scale. */
  scale: { expected: number } | { error: string }
  now: number
}

export interface BudgetPlan {
  status: policyv1.PodDisruptionBudgetStatus
  /** Why nothing may be disrupted, when the numbers cannot be told. */
  failure: string | undefined
  requeueMs: number | undefined
}

/** Whether a budget's numbers rest on how many pods there should be, not just on those there are. */
export function needsScale({ spec }: Budget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string"
}

function portion(value: IntOrString, total: number): number {
  return resolveIntOrPercent(value, total, { round: "up" })
}

export function planBudget({ budget, pods, scale, now }: BudgetInput): BudgetPlan {
  const { spec } = budget
  const previous = budget.status
  if ("error" in scale && needsScale(budget)) {
    const status = { ...emptyStatus, ...previous, disruptionsAllowed: 0 }
    const failed = withCondition(status, budget, "False", "SyncFailed", scale.error, now)
    return { status: failed, failure: scale.error, requeueMs: undefined }
  }
  const expected = needsScale(budget) && "expected" in scale ? scale.expected : pods.length
  let desired = 0
  if (spec?.maxUnavailable !== undefined) desired = Math.max(expected - portion(spec.maxUnavailable, expected), 0)
  else if (spec?.minAvailable !== undefined) desired = portion(spec.minAvailable, expected)
  const { disruptedPods, recheckMs } = stillDisrupted(previous?.disruptedPods, pods, now)
  const current = pods.filter(
    (pod) =>
      !pod.metadata.deletionTimestamp && !Object.hasOwn(disruptedPods, pod.metadata.name ?? "") && isPodReady(pod),
  ).length
  const allowed = expected > 0 ? Math.max(current - desired, 0) : 0
  const status: policyv1.PodDisruptionBudgetStatus = {
    ...(previous?.conditions ? { conditions: previous.conditions } : {}),
    currentHealthy: current,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
  }
  const conditioned =
    allowed > 0
      ? withCondition(status, budget, "True", "SufficientPods", "", now)
      : withCondition(status, budget, "False", "InsufficientPods", "", now)
  return { status: conditioned, failure: undefined, requeueMs: recheckMs }
}

const emptyStatus = { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 }

/** Evictions that were granted and whose pods are not seen to go yet. */
function stillDisrupted(
  previous: Readonly<Record<string, string>> | undefined,
  pods: readonly Pod[],
  now: number,
): { disruptedPods: Record<string, string>; recheckMs: number | undefined } {
  const disruptedPods: Record<string, string> = {}
  let recheckMs: number | undefined
  for (const [name, time] of Object.entries(previous ?? {})) {
    const pod = pods.find((one) => one.metadata.name === name)
    if (!pod || pod.metadata.deletionTimestamp) continue
    const left = (parseTime(time) ?? 0) + disruptionTimeoutMs - now
    if (left <= 0) continue
    disruptedPods[name] = time
    recheckMs = Math.min(recheckMs ?? left, left)
  }
  return { disruptedPods, recheckMs }
}

function withCondition(
  status: policyv1.PodDisruptionBudgetStatus,
  budget: Budget,
  value: "True" | "False",
  reason: string,
  message: string,
  now: number,
): policyv1.PodDisruptionBudgetStatus {
  const condition: metav1.Condition = {
    type: "DisruptionAllowed",
    status: value,
    reason,
    message,
    observedGeneration: budget.metadata.generation ?? 0,
    lastTransitionTime: formatTime(now),
  }
  return { ...status, conditions: [...setCondition(status.conditions, condition, now)] }
}
