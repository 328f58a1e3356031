import { claimNameOf, type corev1, volumeAnnotations } from "@ladya/api"
import type { StorageView } from "./view.ts"

/** A claim of a pod, by the name of the volume that wants it. */
export interface PodClaim {
  readonly volume: corev1.Volume
  readonly name: string
  readonly claim: corev1.PersistentVolumeClaim | undefined
}

export function claimsOfPod(pod: corev1.Pod, storage: StorageView): PodClaim[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume)
    return name === undefined ? [] : [{ volume, name, claim: storage.claim(pod.metadata.namespace ?? "", name) }]
  })
}

/** Whether any claim stands behind a volume of the pod; at no cost. */
export const hasClaims = ({ spec }: corev1.Pod): boolean =>
  spec?.volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim || ephemeral) ?? false

/** Bound for good: the binder has written both sides. */
export function isFullyBound({ metadata, spec }: corev1.PersistentVolumeClaim): boolean {
  return Boolean(spec?.volumeName) && metadata.annotations?.[volumeAnnotations.bindCompleted] !== undefined
}
