import {
  compareQuantities,
  fieldError,
  isDns1123Subdomain,
  isQuantity,
  semanticEqual,
  validateLabelSelector,
  validateLabels,
} from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { differences } from "../../../strategy.ts"
import {
  checkImmutable,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  notPositiveMessage,
} from "../../../validation/checks.ts"

export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]

/** The access modes of a claim or a volume. */
export function checkAccessModes(errors: Errors, path: string, modes: readonly string[]): void {
  for (const mode of modes) checkSupported(errors, path, mode, accessModes)
  if (
    modes.includes("ReadWriteOncePod") &&
    modes.some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode))
  ) {
    errors.push(fieldError.forbidden(path, "may not use ReadWriteOncePod with other access modes"))
  }
}

function checkDataSource(errors: Errors, path: string, source: corev1.TypedObjectReference): void {
  checkRequired(errors, `${path}.name`, source.name)
  checkRequired(errors, `${path}.kind`, source.kind)
  if (!source.apiGroup && source.kind !== "PersistentVolumeClaim") {
    const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
    errors.push(fieldError.invalid(path, source.kind, detail))
  }
  if (source.apiGroup) checkTexts(errors, `${path}.apiGroup`, source.apiGroup, isDns1123Subdomain(source.apiGroup))
}

export function checkClaimSpec(errors: Errors, path: string, spec: corev1.PersistentVolumeClaimSpec): void {
  if (!spec.accessModes?.length) {
    errors.push(fieldError.required(`${path}.accessModes`, "at least 1 access mode is required"))
  }
  errors.push(...validateLabelSelector(spec.selector, `${path}.selector`))
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes ?? [])
  const storage = spec.resources?.requests?.["storage"]
  const storagePath = `${path}.resources[storage]`
  if (storage === undefined) errors.push(fieldError.required(storagePath))
  else if (!isQuantity(storage) || compareQuantities(storage, "0") <= 0) {
    errors.push(fieldError.invalid(storagePath, storage, notPositiveMessage))
  }
  if (spec.storageClassName) {
    checkTexts(errors, `${path}.storageClassName`, spec.storageClassName, isDns1123Subdomain(spec.storageClassName))
  }
  checkSupported(errors, `${path}.volumeMode`, spec.volumeMode, ["Block", "Filesystem"])
  if (spec.dataSource) checkDataSource(errors, `${path}.dataSource`, spec.dataSource)
  if (spec.dataSourceRef) checkDataSource(errors, `${path}.dataSourceRef`, spec.dataSourceRef)
  if (spec.dataSource && spec.dataSourceRef) {
    if (spec.dataSourceRef.namespace) {
      const detail = "may not be specified when dataSourceRef.namespace is specified"
      errors.push(fieldError.invalid(path, `${path}.dataSource`, detail))
    } else if (
      spec.dataSource.apiGroup !== spec.dataSourceRef.apiGroup ||
      spec.dataSource.kind !== spec.dataSourceRef.kind ||
      spec.dataSource.name !== spec.dataSourceRef.name
    ) {
      errors.push(fieldError.invalid(path, `${path}.dataSource`, "must match dataSourceRef"))
    }
  }
}

/** The claim that a generic ephemeral volume makes: labels, annotations and a spec, nothing else. */
export function checkClaimTemplate(errors: Errors, path: string, template: corev1.PersistentVolumeClaimTemplate): void {
  errors.push(...validateLabels(template.metadata?.labels, `${path}.metadata.labels`))
  for (const [key, value] of Object.entries(template.metadata ?? {})) {
    if (key !== "labels" && key !== "annotations" && value !== undefined) {
      errors.push(fieldError.forbidden(`${path}.metadata.${key}`, "cannot be set"))
    }
  }
  checkClaimSpec(errors, `${path}.spec`, template.spec ?? {})
}

/** What may change of a claim once it is there: the volume once, and the size when it is bound. */
export function checkClaimUpdate(
  errors: Errors,
  next: corev1.PersistentVolumeClaim,
  previous: corev1.PersistentVolumeClaim,
): void {
  const before = previous.spec ?? {}
  const masked: corev1.PersistentVolumeClaimSpec = { ...next.spec }
  const keep = <K extends keyof corev1.PersistentVolumeClaimSpec>(key: K): void => {
    if (before[key] === undefined) delete masked[key]
    else masked[key] = before[key]
  }
  if (!before.volumeName) keep("volumeName")
  if (before.storageClassName === undefined) keep("storageClassName")
  if (next.status?.phase === "Bound") {
    keep("volumeAttributesClassName")
    const storage = before.resources?.requests?.["storage"]
    if (masked.resources?.requests && storage !== undefined) {
      masked.resources = { ...masked.resources, requests: { ...masked.resources.requests, storage } }
    }
  }
  if (!semanticEqual(masked, before)) {
    const detail =
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    const changes = differences(masked, before, "spec").join("\n")
    errors.push(fieldError.forbidden("spec", `${detail}\n${changes}`))
  }
  const size = next.spec?.resources?.requests?.["storage"]
  const oldSize = before.resources?.requests?.["storage"]
  const statusSize = previous.status?.capacity?.["storage"] ?? "0"
  if (
    isQuantity(size) &&
    isQuantity(oldSize) &&
    compareQuantities(size, oldSize) < 0 &&
    compareQuantities(size, statusSize) <= 0
  ) {
    errors.push(fieldError.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
  }
  checkImmutable(errors, "volumeMode", next.spec?.volumeMode, before.volumeMode)
}
