import type * as corev1 from "../../../generated/types/corev1.ts"
import type { Column, KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text, wide } from "../../../printing/columns.ts"
import { keepField } from "../../../strategy.ts"
import type { Errors } from "../../../validation/checks.ts"
import { fractionalBytes } from "../pod/warnings/containers.ts"
import { checkClaimSpec, checkClaimUpdate } from "./validation.ts"

/** How the class was named before there was a field for it. */
const oldClass = "volume.beta.kubernetes.io/storage-class"

/** Of claims and volumes that still do. */
export const oldClassWarning = `metadata.annotations[${oldClass}]: deprecated since v1.8; use "storageClassName" attribute instead`

type Claim = corev1.PersistentVolumeClaim

const abbreviations: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
}

/** `RWO,ROX`, in the order in which kubectl shows them. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return Object.entries(abbreviations)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",")
}

const isBound = ({ spec }: Claim): boolean => Boolean(spec?.volumeName)

const columns: readonly Column<Claim>[] = [
  nameColumn,
  text("Status", ({ metadata, status }) => (metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""))),
  text("Volume", ({ spec }) => spec?.volumeName ?? ""),
  text("Capacity", (claim) => (isBound(claim) ? (claim.status?.capacity?.["storage"] ?? "0") : "")),
  text("Access Modes", (claim) => (isBound(claim) ? accessModesText(claim.status?.accessModes) : "")),
  text("StorageClass", ({ metadata, spec }) => metadata.annotations?.[oldClass] ?? spec?.storageClassName ?? ""),
  text("VolumeAttributesClass", ({ spec }) => spec?.volumeAttributesClassName ?? "<unset>"),
  ageColumn,
  wide(text("VolumeMode", ({ spec }) => orNone(spec?.volumeMode))),
]

// The old and the new field for the source of the data are kept equal while the new one says no more.
function syncDataSource(spec: corev1.PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource }
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { apiGroup, kind, name } = dataSourceRef
    const core = !apiGroup && kind === "PersistentVolumeClaim"
    const snapshot = apiGroup === "snapshot.storage.k8s.io" && kind === "VolumeSnapshot"
    if (core || snapshot) spec.dataSource = { ...(apiGroup ? { apiGroup } : {}), kind, name }
  }
}

export const persistentVolumeClaim: KindBehaviour<Claim> = {
  default(draft) {
    draft.spec ??= {}
    draft.spec.volumeMode ??= "Filesystem"
    draft.spec.resources ??= {}
    draft.status ??= {}
    draft.status.phase ||= "Pending"
  },
  prepareForCreate(draft) {
    draft.status = { phase: "Pending" }
    draft.spec ??= {}
    syncDataSource(draft.spec)
  },
  prepareForUpdate(draft, previous) {
    keepField(draft, previous, "status")
    draft.spec ??= {}
    syncDataSource(draft.spec)
  },
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate(next, previous) {
    const errors: Errors = []
    checkClaimSpec(errors, "spec", next.spec ?? {})
    if (previous) checkClaimUpdate(errors, next, previous)
    return errors
  },
  warnings({ metadata, spec }) {
    const requests = spec?.resources?.requests
    return [
      ...(metadata.annotations?.[oldClass] === undefined ? [] : [oldClassWarning]),
      ...fractionalBytes("spec.resources.requests", requests),
      ...fractionalBytes("spec.resources.limits", spec?.resources?.limits),
    ]
  },
  columns,
}
