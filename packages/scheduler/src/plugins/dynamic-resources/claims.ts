import type { corev1, resourcev1 } from "@ladya/api"
import type { DeviceView } from "../../devices/view.ts"

/** Why a pod's claims are not there yet. */
export interface MissingClaim {
  readonly reason: string
}

/** The claims of a pod, made ones included; or what it has to wait for. */
export function claimsOfPod(pod: corev1.Pod, view: DeviceView): resourcev1.ResourceClaim[] | MissingClaim {
  const found: resourcev1.ResourceClaim[] = []
  for (const { name, resourceClaimName } of pod.spec?.resourceClaims ?? []) {
    const made = pod.status?.resourceClaimStatuses?.find((status) => status.name === name)
    // A template may make no claim on purpose.
    if (!resourceClaimName && made && !made.resourceClaimName) continue
    const claimName = resourceClaimName ?? made?.resourceClaimName
    if (!claimName) return { reason: `waiting for the resource claim of ${JSON.stringify(name)} to be created` }
    const claim = view.claim(pod.metadata.namespace ?? "", claimName)
    if (!claim) return { reason: `waiting for resourceclaim "${claimName}" to be created` }
    if (claim.metadata.deletionTimestamp) return { reason: `resourceclaim "${claimName}" is being deleted` }
    const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller)
    if (!resourceClaimName && owner?.uid !== pod.metadata.uid) {
      return {
        reason: `resourceclaim "${claimName}" was not created for pod "${pod.metadata.name}" (pod is not owner)`,
      }
    }
    found.push(claim)
  }
  return found
}
