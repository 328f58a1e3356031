import { compareQuantities, compileLabelSelector, type metav1 } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"
import type * as storagev1 from "../generated/types/storagev1.ts"
import { matchesNodeSelector } from "./node-selectors.ts"

type Claim = corev1.PersistentVolumeClaim
type Volume = corev1.PersistentVolume

/** Annotations by which binder, scheduler and provisioners speak to each other. */
export const volumeAnnotations = {
  bindCompleted: "pv.kubernetes.io/bind-completed",
  boundByController: "pv.kubernetes.io/bound-by-controller",
  provisionedBy: "pv.kubernetes.io/provisioned-by",
  provisioner: "volume.kubernetes.io/storage-provisioner",
  betaProvisioner: "volume.beta.kubernetes.io/storage-provisioner",
  selectedNode: "volume.kubernetes.io/selected-node",
  betaClass: "volume.beta.kubernetes.io/storage-class",
} as const

/** The provisioner of classes whose volumes people make by hand. */
export const noProvisioner = "kubernetes.io/no-provisioner"

/** The class a claim or volume names; empty for none. */
export function storageClassOf({ metadata, spec }: Claim | Volume): string {
  return metadata.annotations?.[volumeAnnotations.betaClass] ?? spec?.storageClassName ?? ""
}

/** Whether the volume was set aside for this claim, or is bound to it. */
export function isReservedFor(volume: Volume, claim: Claim): boolean {
  const holder = volume.spec?.claimRef
  if (!holder || holder.name !== claim.metadata.name || holder.namespace !== claim.metadata.namespace) return false
  return !holder.uid || holder.uid === claim.metadata.uid
}

/** Why a volume does not suit a claim, for people; undefined when it does. */
export function volumeRefusal(volume: Volume, claim: Claim): string | undefined {
  const { spec, status, metadata } = volume
  const holder = spec?.claimRef
  if (metadata.deletionTimestamp) return "is being deleted"
  if (holder && !isReservedFor(volume, claim)) {
    return status?.phase === "Released"
      ? `released by ${holder.namespace}/${holder.name}, but kept (reclaim policy Retain)`
      : `bound to ${holder.namespace}/${holder.name}`
  }
  if (!holder && status?.phase !== undefined && status.phase !== "Available" && status.phase !== "Pending") {
    return `is ${status.phase}`
  }
  const [has, wants] = [storageClassOf(volume), storageClassOf(claim)]
  if (has !== wants) return `storage class ${has || '""'}, not ${wants || '""'}`
  const wanted = claim.spec?.resources?.requests?.["storage"] ?? "0"
  const size = spec?.capacity?.["storage"] ?? "0"
  if (compareQuantities(size, wanted) < 0) return `holds ${size}, less than ${wanted}`
  const missing = (claim.spec?.accessModes ?? []).filter((mode) => !spec?.accessModes?.includes(mode))
  if (missing.length > 0) return `cannot be ${missing.join(", ")}`
  if ((spec?.volumeMode ?? "Filesystem") !== (claim.spec?.volumeMode ?? "Filesystem")) {
    return `is a ${spec?.volumeMode ?? "Filesystem"} volume`
  }
  if ((spec?.volumeAttributesClassName ?? "") !== (claim.spec?.volumeAttributesClassName ?? "")) {
    return `volume attributes class ${spec?.volumeAttributesClassName ?? '""'}, not ${claim.spec?.volumeAttributesClassName ?? '""'}`
  }
  const selector = claim.spec?.selector
  if (selector && !compileLabelSelector(selector).matches(metadata.labels ?? {})) {
    return "has not the labels that the claim selects"
  }
  return undefined
}

/** Whether a volume can be reached from a node. */
export function isReachableFrom(volume: Volume, node: corev1.Node): boolean {
  const required = volume.spec?.nodeAffinity?.required
  return !required || matchesNodeSelector(required, node)
}

/**
 * The volume for a claim: one that was set aside for it, else the smallest that suits. With a node, one that can be
 * reached from there.
 */
export function volumeForClaim(
  volumes: Iterable<Volume>,
  claim: Claim,
  options: { node?: corev1.Node | undefined; except?: ReadonlySet<string>; reservedOnly?: boolean } = {},
): Volume | undefined {
  let best: Volume | undefined
  for (const volume of volumes) {
    if (options.except?.has(volume.metadata.name ?? "")) continue
    if (options.node && !isReachableFrom(volume, options.node)) continue
    if (volumeRefusal(volume, claim) !== undefined) continue
    if (isReservedFor(volume, claim)) return volume
    if (options.reservedOnly) continue
    if (!best || isSmaller(volume, best)) best = volume
  }
  return best
}

function isSmaller(a: Volume, b: Volume): boolean {
  const order = compareQuantities(a.spec?.capacity?.["storage"] ?? "0", b.spec?.capacity?.["storage"] ?? "0")
  return order < 0 || (order === 0 && (a.metadata.name ?? "") < (b.metadata.name ?? ""))
}

const defaultMarks = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]

/** The class for claims that name none: the newest that is marked, then the first by name. */
export function defaultStorageClass(classes: Iterable<storagev1.StorageClass>): storagev1.StorageClass | undefined {
  let best: storagev1.StorageClass | undefined
  for (const one of classes) {
    if (!defaultMarks.some((mark) => one.metadata.annotations?.[mark] === "true")) continue
    if (!best || isNewer(one.metadata, best.metadata)) best = one
  }
  return best
}

function isNewer(a: metav1.ObjectMeta, b: metav1.ObjectMeta): boolean {
  const [left = "", right = ""] = [a.creationTimestamp, b.creationTimestamp]
  return left === right ? (a.name ?? "") < (b.name ?? "") : left > right
}

/** The claim that an `ephemeral` volume of a pod stands for. */
export const ephemeralClaimName = (pod: corev1.Pod, volumeName: string): string => `${pod.metadata.name}-${volumeName}`

/** The name of the claim that a volume of a pod stands for; undefined for other volumes. */
export function claimNameOf(pod: corev1.Pod, volume: corev1.Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName
  return volume.ephemeral ? ephemeralClaimName(pod, volume.name) : undefined
}
