import type { appsv1 } from "@ladya/api"
import { resolveIntOrPercent } from "@ladya/apimachinery"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

export const replicasOf = (owner: Deployment | ReplicaSet): number => owner.spec?.replicas ?? 1

export const isActive = (replicaSet: ReplicaSet): boolean => replicasOf(replicaSet) > 0

export const sumReplicas = (replicaSets: readonly ReplicaSet[]): number =>
  replicaSets.reduce((sum, replicaSet) => sum + replicasOf(replicaSet), 0)

export const sumStatus = (
  replicaSets: readonly ReplicaSet[],
  field: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas",
): number => replicaSets.reduce((sum, replicaSet) => sum + (replicaSet.status?.[field] ?? 0), 0)

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? "RollingUpdate") === "RollingUpdate"
}

/** How many pods a rollout may have beyond, and lack of, the wanted number. Never both 0. */
function limits(deployment: Deployment): { surge: number; unavailable: number } {
  const replicas = replicasOf(deployment)
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec?.strategy?.rollingUpdate ?? {}
  const surge = resolveIntOrPercent(maxSurge, replicas, { round: "up" })
  const unavailable = resolveIntOrPercent(maxUnavailable, replicas, { round: "down" })
  // Percentages of few replicas may both round to nothing: then nothing would ever move.
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable }
}

export function maxSurgeOf(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? limits(deployment).surge : 0
}

export function maxUnavailableOf(deployment: Deployment): number {
  const replicas = replicasOf(deployment)
  if (!isRollingUpdate(deployment) || replicas === 0) return 0
  return Math.min(limits(deployment).unavailable, replicas)
}

/** How large the new ReplicaSet may be now, given all there are. */
export function newReplicaSetSize(deployment: Deployment, newSize: number, allReplicas: number): number {
  const wanted = replicasOf(deployment)
  if (!isRollingUpdate(deployment)) return wanted
  const room = wanted + maxSurgeOf(deployment) - allReplicas
  if (room <= 0) return newSize
  return newSize + Math.min(room, wanted - newSize)
}

/** Whether the newest ReplicaSet runs all that is wanted. */
export function isSaturated(deployment: Deployment, replicaSet: ReplicaSet | undefined): boolean {
  if (!replicaSet) return false
  const wanted = replicasOf(deployment)
  const desired = desiredAnnotation(replicaSet)
  return (
    desired === wanted && replicasOf(replicaSet) === wanted && (replicaSet.status?.availableReplicas ?? 0) === wanted
  )
}

export const desiredReplicasKey = "deployment.kubernetes.io/desired-replicas"
export const maxReplicasKey = "deployment.kubernetes.io/max-replicas"

function integerAnnotation(replicaSet: ReplicaSet, key: string): number | undefined {
  const text = replicaSet.metadata.annotations?.[key]
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** What the Deployment wanted when the ReplicaSet was last scaled. */
export function desiredAnnotation(replicaSet: ReplicaSet): number | undefined {
  return integerAnnotation(replicaSet, desiredReplicasKey)
}

/** What a ReplicaSet gains or loses when the Deployment is scaled in the middle of a rollout: its part of the whole. */
export function proportionOf(
  deployment: Deployment,
  replicaSet: ReplicaSet,
  replicasToAdd: number,
  replicasAdded: number,
): number {
  if (replicasOf(replicaSet) === 0 || replicasToAdd === 0 || replicasToAdd === replicasAdded) return 0
  const share = shareOf(deployment, replicaSet)
  const allowed = replicasToAdd - replicasAdded
  return replicasToAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed)
}

function shareOf(deployment: Deployment, replicaSet: ReplicaSet): number {
  const size = replicasOf(replicaSet)
  if (replicasOf(deployment) === 0) return -size
  const maxNow = replicasOf(deployment) + maxSurgeOf(deployment)
  const maxBefore = integerAnnotation(replicaSet, maxReplicasKey) ?? deployment.status?.replicas ?? 0
  if (maxBefore === 0) return 0
  return Math.round((size * maxNow) / maxBefore) - size
}
