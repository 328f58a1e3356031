import { type corev1, volumeAnnotations } from "@ladya/api"
import type { Remark } from "./plan-claim.ts"

type Claim = corev1.PersistentVolumeClaim
type Volume = corev1.PersistentVolume

/** What is to be done about a volume. */
export type VolumePlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "phase"; readonly phase: string; readonly remark?: Remark }
  /** The claim it was kept for has another volume. */
  | { readonly kind: "unbind" }
  /** The claim has to look at it again. */
  | { readonly kind: "askClaim" }

const toPhase = (volume: Volume, phase: string, remark?: Remark): VolumePlan =>
  volume.status?.phase === phase ? { kind: "nothing" } : { kind: "phase", phase, ...(remark ? { remark } : {}) }

export function planVolume(
  volume: Volume,
  claimOf: (namespace: string, name: string) => Claim | undefined,
): VolumePlan {
  const holder = volume.spec?.claimRef
  if (!holder) return toPhase(volume, "Available")
  const claim = claimOf(holder.namespace ?? "", holder.name ?? "")
  if (!holder.uid) {
    // Set aside by a person: the claim takes it when it comes.
    if (claim && !claim.spec?.volumeName) return { kind: "askClaim" }
    return toPhase(volume, "Available")
  }
  if (!claim || claim.metadata.uid !== holder.uid) return planReleased(volume)
  if (!claim.spec?.volumeName) return { kind: "askClaim" }
  if (claim.spec.volumeName === volume.metadata.name) return toPhase(volume, "Bound")
  const isDynamic = volume.metadata.annotations?.[volumeAnnotations.provisionedBy] !== undefined
  if (isDynamic && volume.spec?.persistentVolumeReclaimPolicy === "Delete") return planReleased(volume)
  return volume.metadata.annotations?.[volumeAnnotations.boundByController] ? { kind: "unbind" } : { kind: "nothing" }
}

function planReleased(volume: Volume): VolumePlan {
  const policy = volume.spec?.persistentVolumeReclaimPolicy ?? "Retain"
  const isProvisioned = volume.metadata.annotations?.[volumeAnnotations.provisionedBy] !== undefined
  // Whoever made it sees that it is released, and takes it away.
  if (policy === "Retain" || (policy === "Delete" && isProvisioned)) return toPhase(volume, "Released")
  const word = policy === "Recycle" ? "recycler" : "deleter"
  const message = `error getting ${word} volume plugin for volume "${volume.metadata.name}": no ${word === "recycler" ? "recyclable" : "deletable"} volume plugin matched`
  const reason = policy === "Recycle" ? "VolumeFailedRecycle" : "VolumeFailedDelete"
  return toPhase(volume, "Failed", { type: "Warning", reason, message })
}
