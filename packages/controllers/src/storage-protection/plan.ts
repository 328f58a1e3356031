import { claimNameOf, type corev1, type storagev1 } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"

export const claimFinalizer = "kubernetes.io/pvc-protection"
export const volumeFinalizer = "kubernetes.io/pv-protection"
export const classFinalizer = "kubernetes.io/vac-protection"

/** The claims that a pod uses: only once it is on a node, whose kubelet starts nothing on a claim that is to go. */
export function claimsOf(pod: corev1.Pod): string[] {
  if (!pod.spec?.nodeName) return []
  return (pod.spec.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? [])
}

/** The attributes classes that a claim has, had, or is on the way to. */
export function classesOfClaim({ spec, status }: corev1.PersistentVolumeClaim): string[] {
  return [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== "") as string[]
}

export type Protected = corev1.PersistentVolumeClaim | corev1.PersistentVolume | storagev1.VolumeAttributesClass

/** The finalizers that an object is to have; undefined when it has them. */
export function planProtection(object: KubeObject, finalizer: string, isUsed: boolean): string[] | undefined {
  const standing = object.metadata.finalizers ?? []
  const has = standing.includes(finalizer)
  if (!object.metadata.deletionTimestamp) return has ? undefined : [...standing, finalizer]
  return has && !isUsed ? standing.filter((one) => one !== finalizer) : undefined
}
