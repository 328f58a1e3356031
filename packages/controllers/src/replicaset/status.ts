import {
  type appsv1,
  compact,
  type corev1,
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  podCondition,
} from "@ladya/api"
import { findCondition, parseTime, removeCondition, selectorFromMap, setCondition } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import { count } from "../shared/status.ts"

export interface ReplicaStatusInput {
  generation: number | undefined
  desired: number
  minReadySeconds: number
  templateLabels: Readonly<Record<string, string>> | undefined
  previous: appsv1.ReplicaSetStatus | undefined
  /** All pods of the owner. */
  pods: readonly corev1.Pod[]
  /** Whether pods were created and deleted as needed this time; else the conditions stay. */
  attempted: boolean
  /** What creating or deleting pods threw. */
  failure: unknown
  now: number
}

/** What a ReplicaSet (or ReplicationController) says of its pods. */
export function replicaStatus(input: ReplicaStatusInput): appsv1.ReplicaSetStatus {
  const { previous, pods, minReadySeconds, now } = input
  const template = selectorFromMap(input.templateLabels)
  const sums = { active: 0, labeled: 0, ready: 0, available: 0, terminating: 0 }
  for (const pod of pods) {
    if (isPodTerminal(pod)) continue
    if (pod.metadata.deletionTimestamp !== undefined) {
      sums.terminating++
      continue
    }
    sums.active++
    if (template.matches(pod.metadata.labels)) sums.labeled++
    if (!isPodReady(pod)) continue
    sums.ready++
    if (minReadySeconds === 0 || isPodAvailable(pod, minReadySeconds, now)) sums.available++
  }
  const conditions = replicaConditions(input, sums.active)
  return compact({
    replicas: sums.active,
    fullyLabeledReplicas: count(sums.labeled),
    readyReplicas: count(sums.ready),
    availableReplicas: count(sums.available),
    terminatingReplicas: sums.terminating,
    observedGeneration: input.generation ?? previous?.observedGeneration,
    conditions: conditions.length > 0 ? conditions : undefined,
  })
}

function replicaConditions(input: ReplicaStatusInput, active: number): appsv1.ReplicaSetCondition[] {
  const { previous, failure, desired, now } = input
  const conditions = previous?.conditions ?? []
  if (!input.attempted) return conditions
  if (failure === undefined) return [...removeCondition(conditions, "ReplicaFailure")]
  if (findCondition(conditions, "ReplicaFailure")) return conditions
  const reason = active < desired ? "FailedCreate" : "FailedDelete"
  const condition = { type: "ReplicaFailure", status: "True", reason, message: errorMessage(failure) }
  return [...setCondition(conditions, condition, now)]
}

/** When the next ready pod becomes available, in milliseconds from now; undefined when none will by time alone. */
export function nextAvailabilityMs(
  pods: readonly corev1.Pod[],
  minReadySeconds: number,
  now: number,
): number | undefined {
  if (minReadySeconds === 0) return undefined
  let next: number | undefined
  for (const pod of pods) {
    if (!isPodActive(pod) || !isPodReady(pod)) continue
    const since = parseTime(podCondition(pod, "Ready")?.lastTransitionTime)
    if (since === undefined) continue
    const wait = since + minReadySeconds * 1000 - now
    if (wait > 0 && (next === undefined || wait < next)) next = wait
  }
  return next
}
