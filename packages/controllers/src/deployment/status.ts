import { type appsv1, compact } from "@ladya/api"
import { findCondition, formatTime, parseTime } from "@ladya/apimachinery"
import { count } from "../shared/status.ts"
import { maxUnavailableOf, replicasOf, sumReplicas, sumStatus } from "./sizes.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet
type Condition = appsv1.DeploymentCondition
type Status = appsv1.DeploymentStatus

export interface StatusInput {
  deployment: Deployment
  /** As they are after the plan, in their sizes; their status is what was observed. */
  replicaSets: readonly ReplicaSet[]
  newReplicaSet: ReplicaSet | undefined
  /** The conditions so far: the plan may have set some. */
  conditions: readonly Condition[]
  collisionCount: number | undefined
  now: number
}

/** No limit on how long a rollout may make no progress. */
const noDeadline = 2 ** 31 - 1

export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds
  return seconds !== undefined && seconds !== noDeadline
}

/**
 * Sets a condition. One that says the same (status and reason) stays as it is, texts and times included, as the API's
 * users expect of a Deployment.
 */
export function withCondition(
  conditions: readonly Condition[],
  condition: { type: string; status: string; reason: string; message: string },
  now: number,
): readonly Condition[] {
  const current = findCondition(conditions, condition.type)
  if (current?.status === condition.status && current.reason === condition.reason) return conditions
  const time = formatTime(now)
  const lastTransitionTime = current?.status === condition.status ? (current.lastTransitionTime ?? time) : time
  const next = { ...condition, lastUpdateTime: time, lastTransitionTime }
  return [...conditions.filter((one) => one.type !== condition.type), next]
}

/** Counts and the Available condition, without judging progress. */
export function countedStatus(input: StatusInput): Status {
  const { deployment, replicaSets, newReplicaSet, now } = input
  const available = sumStatus(replicaSets, "availableReplicas")
  const isAvailable = available >= replicasOf(deployment) - maxUnavailableOf(deployment)
  const conditions = withCondition(
    input.conditions,
    isAvailable
      ? {
          type: "Available",
          status: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability.",
        }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability.",
        },
    now,
  )
  return compact({
    observedGeneration: deployment.metadata.generation,
    replicas: count(sumStatus(replicaSets, "replicas")),
    updatedReplicas: count(newReplicaSet?.status?.replicas ?? 0),
    readyReplicas: count(sumStatus(replicaSets, "readyReplicas")),
    availableReplicas: count(available),
    unavailableReplicas: count(Math.max(sumReplicas(replicaSets) - available, 0)),
    terminatingReplicas: sumStatus(replicaSets, "terminatingReplicas"),
    collisionCount: input.collisionCount,
    conditions: [...conditions],
  })
}

export function isComplete(deployment: Deployment, status: Status): boolean {
  const wanted = replicasOf(deployment)
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

function isProgressing(before: Status, after: Status): boolean {
  const old = (status: Status): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  )
}

function deadlineAt(deployment: Deployment, progressing: Condition): number {
  const since = parseTime(progressing.lastUpdateTime) ?? 0
  return since + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000
}

function hasTimedOut(deployment: Deployment, conditions: readonly Condition[], now: number): boolean {
  const progressing = findCondition(conditions, "Progressing")
  if (!hasProgressDeadline(deployment) || !progressing || progressing.reason === "NewReplicaSetAvailable") return false
  if (progressing.reason === "ProgressDeadlineExceeded") return true
  return deadlineAt(deployment, progressing) < now
}

/** The whole status during a rollout: counts, and whether it goes on, is done or is stuck. */
export function rolloutStatus(input: StatusInput): Status {
  const { deployment, replicaSets, newReplicaSet, now } = input
  const status = countedStatus(input)
  let conditions: readonly Condition[] = status.conditions ?? []
  if (!hasProgressDeadline(deployment)) conditions = conditions.filter((one) => one.type !== "Progressing")
  const current = findCondition(conditions, "Progressing")
  const wasComplete =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === "NewReplicaSetAvailable"
  if (hasProgressDeadline(deployment) && !wasComplete) {
    const subject = newReplicaSet
      ? `ReplicaSet ${JSON.stringify(newReplicaSet.metadata.name)}`
      : `Deployment ${JSON.stringify(deployment.metadata.name)}`
    if (isComplete(deployment, status)) {
      const message = `${subject} has successfully progressed.`
      const done = { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable", message }
      conditions = withCondition(conditions, done, now)
    } else if (isProgressing(deployment.status ?? {}, status)) {
      conditions = stillProgressing(conditions, `${subject} is progressing.`, now)
    } else if (hasTimedOut(deployment, conditions, now)) {
      const message = `${subject} has timed out progressing.`
      const stuck = { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message }
      conditions = withCondition(conditions, stuck, now)
    }
  }
  const failure = replicaFailure(replicaSets, newReplicaSet)
  conditions = failure
    ? withCondition(conditions, failure, now)
    : conditions.filter((one) => one.type !== "ReplicaFailure")
  return { ...status, conditions: [...conditions] }
}

/** Each step forward moves lastUpdateTime, which the deadline is counted from. */
function stillProgressing(conditions: readonly Condition[], message: string, now: number): readonly Condition[] {
  const current = findCondition(conditions, "Progressing")
  const time = formatTime(now)
  const next: Condition = {
    type: "Progressing",
    status: "True",
    reason: "ReplicaSetUpdated",
    message,
    lastUpdateTime: time,
    lastTransitionTime: current?.status === "True" ? (current.lastTransitionTime ?? time) : time,
  }
  return [...conditions.filter((one) => one.type !== "Progressing"), next]
}

function replicaFailure(
  replicaSets: readonly ReplicaSet[],
  newReplicaSet: ReplicaSet | undefined,
): { type: string; status: string; reason: string; message: string } | undefined {
  const ofNew = findCondition(newReplicaSet?.status?.conditions, "ReplicaFailure")
  const found =
    ofNew ?? replicaSets.map((one) => findCondition(one.status?.conditions, "ReplicaFailure")).find((one) => one)
  if (!found) return undefined
  return { type: "ReplicaFailure", status: found.status, reason: found.reason ?? "", message: found.message ?? "" }
}

/** When to look again so that a rollout that is stuck is seen to be, in milliseconds; undefined: no need. */
export function progressCheckMs(deployment: Deployment, status: Status, now: number): number | undefined {
  const progressing = findCondition(status.conditions, "Progressing")
  if (!progressing || !hasProgressDeadline(deployment) || isComplete(deployment, status)) return undefined
  if (progressing.reason === "ProgressDeadlineExceeded" || progressing.reason === "NewReplicaSetAvailable") {
    return undefined
  }
  // A second later: times in the API have no fraction.
  return Math.max(deadlineAt(deployment, progressing) - now, 0) + 1000
}
