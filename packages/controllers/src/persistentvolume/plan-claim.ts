import {
  type corev1,
  isReservedFor,
  noProvisioner,
  storageClassOf,
  type storagev1,
  volumeAnnotations,
  volumeForClaim,
  volumeRefusal,
} from "@ladya/api"

type Claim = corev1.PersistentVolumeClaim
type Volume = corev1.PersistentVolume

/** Something to say about a claim, as an event. */
export interface Remark {
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly message: string
}

/** What is to be done about a claim. */
export type ClaimPlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "wait"; readonly remark?: Remark }
  | { readonly kind: "lost"; readonly remark: Remark }
  | { readonly kind: "bind"; readonly volume: Volume }
  | { readonly kind: "takeDefaultClass"; readonly className: string }
  | { readonly kind: "provision"; readonly storageClass: storagev1.StorageClass; readonly remark: Remark }

export interface ClaimView {
  readonly claim: Claim
  /** By name. */
  volume(name: string): Volume | undefined
  readonly volumes: Iterable<Volume>
  readonly storageClass: storagev1.StorageClass | undefined
  readonly defaultClass: storagev1.StorageClass | undefined
}

const warning = (reason: string, message: string): Remark => ({ type: "Warning", reason, message })
const normal = (reason: string, message: string): Remark => ({ type: "Normal", reason, message })

export function planClaim(view: ClaimView): ClaimPlan {
  const { claim } = view
  if (claim.metadata.annotations?.[volumeAnnotations.bindCompleted]) return planBound(view)
  return claim.spec?.volumeName ? planGivenVolume(view, claim.spec.volumeName) : planUnbound(view)
}

/** A claim that was bound once keeps its volume, or has lost it for good. */
function planBound({ claim, volume }: ClaimView): ClaimPlan {
  const name = claim.spec?.volumeName
  const lost = (reason: string, message: string): ClaimPlan => ({ kind: "lost", remark: warning(reason, message) })
  if (!name) return lost("ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!")
  const found = volume(name)
  if (!found) return lost("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
  const holder = found.spec?.claimRef
  if (!holder || isReservedFor(found, claim)) {
    return isSettled(claim, found) ? { kind: "nothing" } : { kind: "bind", volume: found }
  }
  return lost("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
}

/** Whether both sides say that they are bound. */
function isSettled(claim: Claim, volume: Volume): boolean {
  return (
    volume.spec?.claimRef?.uid === claim.metadata.uid &&
    volume.status?.phase === "Bound" &&
    claim.status?.phase === "Bound" &&
    claim.status.capacity?.["storage"] !== undefined
  )
}

/** Somebody wants this very volume. */
function planGivenVolume({ claim, volume }: ClaimView, name: string): ClaimPlan {
  const found = volume(name)
  if (!found) return { kind: "wait" }
  const holder = found.spec?.claimRef
  if (holder && !isReservedFor(found, claim)) {
    const message = `volume "${name}" already bound to a different claim.`
    return { kind: "wait", remark: warning("FailedBinding", message) }
  }
  if (holder?.uid) return { kind: "bind", volume: found }
  const refusal = volumeRefusal(found, claim)
  if (refusal === undefined) return { kind: "bind", volume: found }
  const message = `Cannot bind to requested volume "${name}": ${refusal}`
  return { kind: "wait", remark: warning("VolumeMismatch", message) }
}

function planUnbound(view: ClaimView): ClaimPlan {
  const { claim, volumes, storageClass, defaultClass } = view
  const selected = claim.metadata.annotations?.[volumeAnnotations.selectedNode]
  const isDelayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer" && !selected
  const volume = volumeForClaim(volumes, claim, { reservedOnly: isDelayed })
  if (volume) return { kind: "bind", volume }
  const namesNoClass =
    claim.spec?.storageClassName === undefined && !claim.metadata.annotations?.[volumeAnnotations.betaClass]
  if (namesNoClass && defaultClass) return { kind: "takeDefaultClass", className: defaultClass.metadata.name ?? "" }
  if (isDelayed) {
    const message = "waiting for first consumer to be created before binding"
    return { kind: "wait", remark: normal("WaitForFirstConsumer", message) }
  }
  const className = storageClassOf(claim)
  if (className === "") {
    const message = "no persistent volumes available for this claim and no storage class is set"
    return { kind: "wait", remark: normal("FailedBinding", message) }
  }
  if (!storageClass) {
    const message = `storageclass.storage.k8s.io "${className}" not found`
    return { kind: "wait", remark: warning("ProvisioningFailed", message) }
  }
  const { provisioner } = storageClass
  if (provisioner === noProvisioner) {
    const message = `storageclass "${className}" has no provisioner: waiting for a volume to be created by hand`
    return { kind: "wait", remark: normal("FailedBinding", message) }
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`
  return { kind: "provision", storageClass, remark: normal("ExternalProvisioning", message) }
}
