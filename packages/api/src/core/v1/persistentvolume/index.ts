import { compareQuantities, fieldError, isDns1123Subdomain, isQuantity, semanticEqual } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text, wide } from "../../../printing/columns.ts"
import { differences, keepField } from "../../../strategy.ts"
import {
  checkImmutable,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
  notPositiveMessage,
} from "../../../validation/checks.ts"
import { checkNoBacksteps } from "../../../validation/paths.ts"
import { accessModesText, oldClassWarning } from "../persistentvolumeclaim/index.ts"
import { checkAccessModes } from "../persistentvolumeclaim/validation.ts"
import { checkNodeSelector } from "../pod/validation-scheduling.ts"
import { checkCsiDriverName, checkHostPath, checkNfs } from "../pod/validation-volumes.ts"
import { fractionalBytes } from "../pod/warnings/containers.ts"
import { nodeTermWarnings } from "../pod/warnings/selection.ts"

type Volume = corev1.PersistentVolume
type Spec = corev1.PersistentVolumeSpec

const sources = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
] as const

const sourceOf = (spec: Spec): Record<string, unknown> =>
  Object.fromEntries(sources.filter((name) => spec[name] !== undefined).map((name) => [name, spec[name]]))

function checkSource(errors: Errors, spec: Spec): void {
  const set = sources.filter((name) => spec[name] !== undefined)
  if (set.length === 0) errors.push(fieldError.required("spec", "must specify a volume type"))
  for (const name of set.slice(1)) {
    errors.push(fieldError.forbidden(`spec.${name}`, "may not specify more than 1 volume type"))
  }
  if (spec.hostPath) {
    checkHostPath(errors, "spec.hostPath", spec.hostPath)
    if (spec.hostPath.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
      const detail = "may not be 'recycle' for a hostPath mount of '/'"
      errors.push(fieldError.forbidden("spec.persistentVolumeReclaimPolicy", detail))
    }
  }
  if (spec.nfs) checkNfs(errors, "spec.nfs", spec.nfs)
  if (spec.csi) {
    checkCsiDriverName(errors, "spec.csi.driver", spec.csi.driver)
    checkRequired(errors, "spec.csi.volumeHandle", spec.csi.volumeHandle)
  }
  if (spec.local) {
    if (checkRequired(errors, "spec.local.path", spec.local.path)) {
      checkNoBacksteps(errors, "spec.local.path", spec.local.path)
    }
    if (!spec.nodeAffinity) errors.push(fieldError.required("spec.nodeAffinity", "Local volume requires node affinity"))
  }
}

function checkCapacity(errors: Errors, capacity: Readonly<Record<string, string>> | undefined): void {
  const path = "spec.capacity"
  const names = Object.keys(capacity ?? {})
  if (names.length === 0) errors.push(fieldError.required(path))
  if (names.length !== 1 || names[0] !== "storage") {
    errors.push(fieldError.notSupported(path, capacity ?? {}, ["storage"]))
  }
  for (const [name, value] of Object.entries(capacity ?? {})) {
    if (!isQuantity(value) || compareQuantities(value, "0") <= 0) {
      errors.push(fieldError.invalid(`${path}[${name}]`, value, notPositiveMessage))
    }
  }
}

function validate(next: Volume, previous: Volume | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec ?? {}
  if (!spec.accessModes?.length) errors.push(fieldError.required("spec.accessModes"))
  checkAccessModes(errors, "spec.accessModes", spec.accessModes ?? [])
  checkCapacity(errors, spec.capacity)
  checkSupported(errors, "spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, [
    "Delete",
    "Recycle",
    "Retain",
  ])
  if (spec.nodeAffinity) {
    if (spec.nodeAffinity.required) checkNodeSelector(errors, "spec.nodeAffinity.required", spec.nodeAffinity.required)
    else errors.push(fieldError.required("spec.nodeAffinity.required", "must specify required node constraints"))
  }
  checkSource(errors, spec)
  if (spec.storageClassName) {
    checkTexts(errors, "spec.storageClassName", spec.storageClassName, isDns1123Subdomain(spec.storageClassName))
  }
  checkSupported(errors, "spec.volumeMode", spec.volumeMode, ["Block", "Filesystem"])
  if (!previous) return errors
  const before = previous.spec ?? {}
  if (!semanticEqual(sourceOf(spec), sourceOf(before))) {
    const detail = "spec.persistentvolumesource is immutable after creation"
    const changes = differences(sourceOf(spec), sourceOf(before), "spec").join("\n")
    errors.push(fieldError.forbidden("spec.persistentvolumesource", `${detail}\n${changes}`))
  }
  checkImmutable(errors, "volumeMode", spec.volumeMode, before.volumeMode)
  if (before.nodeAffinity) checkImmutable(errors, "nodeAffinity", spec.nodeAffinity, before.nodeAffinity)
  return errors
}

const oldMountOptions = "volume.beta.kubernetes.io/mount-options"

function warnings({ metadata, spec }: Volume): string[] {
  const texts: string[] = []
  const annotations = metadata.annotations ?? {}
  if (annotations["volume.beta.kubernetes.io/storage-class"] !== undefined) texts.push(oldClassWarning)
  if (annotations[oldMountOptions] !== undefined) {
    texts.push(`metadata.annotations[${oldMountOptions}]: deprecated since v1.31; use "mountOptions" attribute instead`)
  }
  if (spec?.persistentVolumeReclaimPolicy === "Recycle") {
    const advice = "Instead, the recommended approach is to use dynamic provisioning."
    texts.push(`spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. ${advice}`)
  }
  const terms = "spec.nodeAffinity.required.nodeSelectorTerms"
  for (const [term, at] of indexed(terms, spec?.nodeAffinity?.required?.nodeSelectorTerms)) {
    texts.push(...nodeTermWarnings(at, term))
  }
  return [...texts, ...fractionalBytes("spec.capacity", spec?.capacity)]
}

const columns: readonly Column<Volume>[] = [
  nameColumn,
  text("Capacity", ({ spec }) => spec?.capacity?.["storage"] ?? "0"),
  text("Access Modes", ({ spec }) => accessModesText(spec?.accessModes)),
  text("Reclaim Policy", ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ""),
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
  text("Claim", ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : "")),
  text("StorageClass", ({ spec }) => spec?.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
  text("Reason", ({ status }) => status?.reason ?? ""),
  ageColumn,
  wide(text("VolumeMode", ({ spec }) => orNone(spec?.volumeMode))),
]

export const persistentVolume: KindBehaviour<Volume> = {
  default(draft) {
    draft.spec ??= {}
    draft.spec.persistentVolumeReclaimPolicy ||= "Retain"
    draft.spec.volumeMode ??= "Filesystem"
    if (draft.spec.hostPath) draft.spec.hostPath.type ??= ""
    draft.status ??= {}
    draft.status.phase ||= "Pending"
  },
  prepareForCreate(draft) {
    draft.status = { phase: "Pending" }
  },
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate,
  warnings,
  selectableFields: ({ metadata }) => ({ name: metadata.name ?? "" }),
  columns,
}
