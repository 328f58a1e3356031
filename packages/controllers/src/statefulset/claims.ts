import type { appsv1, corev1 } from "@ladya/api"
import { controllerOf, type KubeObject, type metav1, newControllerRef, semanticEqual } from "@ladya/apimachinery"

type StatefulSet = appsv1.StatefulSet
type Pod = corev1.Pod
type Claim = corev1.PersistentVolumeClaim

function retention(set: StatefulSet): { onDelete: boolean; onScale: boolean } {
  const { whenDeleted, whenScaled } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {}
  return { onDelete: whenDeleted === "Delete", onScale: whenScaled === "Delete" }
}

/** Whether claims of this set are ever deleted with it or with its members. */
export function keepsAllClaims(set: StatefulSet): boolean {
  const { onDelete, onScale } = retention(set)
  return !onDelete && !onScale
}

/**
 * The claim with the owners that the retention policy asks for, when they are others: the set, when claims go with it;
 * the pod, when it is being scaled away and its claims go with it. Undefined when nothing changes.
 */
export function withOwners(set: StatefulSet, pod: Pod, claim: Claim, isCondemned: boolean): Claim | undefined {
  const { onDelete, onScale } = retention(set)
  const controller = controllerOf(claim)
  const isOurs = (reference: metav1.OwnerReference): boolean =>
    reference.uid === set.metadata.uid || reference.uid === pod.metadata.uid
  // Somebody else's claim of that name: it is used, but not owned.
  if (controller && !isOurs(controller)) return undefined
  const owners: KubeObject[] = []
  if (isCondemned && onScale) owners.push(pod)
  else if (onDelete) owners.push(set)
  const others = (claim.metadata.ownerReferences ?? []).filter((reference) => !isOurs(reference))
  const ownerReferences = [...others, ...owners.map(newControllerRef)]
  if (semanticEqual(ownerReferences, claim.metadata.ownerReferences)) return undefined
  return { ...claim, metadata: { ...claim.metadata, ownerReferences } }
}

/** Whether a claim still belongs to a pod of the same name that is gone: it is about to be deleted with it. */
export function isStale(claim: Claim, podName: string): boolean {
  return (claim.metadata.ownerReferences ?? []).some((owner) => owner.kind === "Pod" && owner.name === podName)
}
