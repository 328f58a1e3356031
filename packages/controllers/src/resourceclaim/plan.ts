import { type corev1, isPodTerminal, type resourcev1 } from "@ladya/api"

type Claim = resourcev1.ResourceClaim

export const claimFinalizer = "resource.kubernetes.io/delete-protection"
export const podClaimAnnotation = "resource.kubernetes.io/pod-claim-name"

/** What is to be done about one claim. */
export interface ClaimPlan {
  /** Who still uses it, when that differs from what it says. */
  readonly reservedFor?: readonly resourcev1.ResourceClaimConsumerReference[]
  /** Nobody uses it any more: its devices are free. */
  readonly deallocate: boolean
  readonly dropFinalizer: boolean
  /** It was made for a pod that is over. */
  readonly delete: boolean
}

/** `podOf` gives the pod of that UID; undefined when it is gone for sure. */
export function planClaim(
  claim: Claim,
  podOf: (consumer: { name: string; uid: string }) => corev1.Pod | undefined,
): ClaimPlan {
  const reserved = claim.status?.reservedFor ?? []
  const isUsing = (pod: corev1.Pod | undefined): boolean =>
    pod !== undefined && !isPodTerminal(pod) && !(pod.metadata.deletionTimestamp && !pod.spec?.nodeName)
  const left = reserved.filter((consumer) => {
    const isPod = consumer.resource === "pods" && !consumer.apiGroup
    return !isPod || isUsing(podOf(consumer))
  })
  const owner = claim.metadata.ownerReferences?.find(({ kind, controller }) => kind === "Pod" && controller)
  const ownerIsOver = owner !== undefined && !isUsing(podOf(owner))
  const isAllocated = claim.status?.allocation !== undefined
  // Devices are free as soon as nobody uses them, whoever made the claim.
  const deallocate =
    isAllocated &&
    left.length === 0 &&
    (reserved.length > 0 || ownerIsOver || Boolean(claim.metadata.deletionTimestamp))
  const hasFinalizer = claim.metadata.finalizers?.includes(claimFinalizer) ?? false
  return {
    ...(left.length === reserved.length ? {} : { reservedFor: left }),
    deallocate,
    dropFinalizer: hasFinalizer && (deallocate || !isAllocated),
    delete: ownerIsOver && left.length === 0 && !claim.metadata.deletionTimestamp,
  }
}

/** The claims of a pod that have to be made from templates: those its status does not name yet. */
export function claimsToMake(pod: corev1.Pod): { name: string; template: string }[] {
  const known = new Set((pod.status?.resourceClaimStatuses ?? []).map(({ name }) => name))
  return (pod.spec?.resourceClaims ?? []).flatMap(({ name, resourceClaimTemplateName: template }) =>
    template && !known.has(name) ? [{ name, template }] : [],
  )
}
