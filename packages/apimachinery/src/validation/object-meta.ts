import { type FieldError, fieldError } from "../field-error.ts"
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../generated/metav1.ts"
import { semanticEqual } from "../objects/equality.ts"
import { parseApiVersion } from "../resource.ts"
import { validateLabels } from "../selectors/label-selector.ts"
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, maskTrailingDash, utf8Length } from "./names.ts"

/** All annotations of an object together, keys included, in bytes. */
export const maxAnnotationsBytes = 256 * 1024

/** Finalizers that may stand without a domain and a slash; the last is what CustomResourceDefinitions are given. */
const standardFinalizers = new Set([
  "kubernetes",
  "orphan",
  "foregroundDeletion",
  "customresourcecleanup.apiextensions.k8s.io",
])

const maxFieldManagerBytes = 128
const maxSubresourceBytes = 256

export interface ObjectMetaRules {
  namespaced: boolean
  /** What is wrong with a name; a DNS-1123 subdomain is wanted unless told. */
  validateName?: (name: string) => string[]
  /** `metadata` unless told. */
  path?: string
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): FieldError[] {
  if (!annotations) return []
  const errors: FieldError[] = []
  let bytes = 0
  for (const [key, value] of Object.entries(annotations)) {
    for (const message of isQualifiedName(key.toLowerCase())) errors.push(fieldError.invalid(path, key, message))
    bytes += utf8Length(key) + utf8Length(value)
  }
  if (bytes > maxAnnotationsBytes) errors.push(fieldError.tooLong(path, maxAnnotationsBytes))
  return errors
}

function validateOwnerReference(reference: OwnerReference, path: string): FieldError[] {
  const errors: FieldError[] = []
  const { group, version } = parseApiVersion(reference.apiVersion ?? "")
  if (!version) {
    errors.push(fieldError.invalid(`${path}.apiVersion`, reference.apiVersion ?? "", "version must not be empty"))
  }
  for (const field of ["kind", "name", "uid"] as const) {
    if (reference[field]) continue
    errors.push(fieldError.invalid(`${path}.${field}`, reference[field] ?? "", `${field} must not be empty`))
  }
  if (group === "" && version === "v1" && reference.kind === "Event") {
    errors.push(fieldError.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"))
  }
  return errors
}

export function validateOwnerReferences(references: readonly OwnerReference[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  let controller: string | undefined
  for (const reference of references ?? []) {
    errors.push(...validateOwnerReference(reference, path))
    if (!reference.controller) continue
    if (controller !== undefined) {
      errors.push(
        fieldError.invalid(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${reference.name}`,
        ),
      )
    } else controller = reference.name
  }
  return errors
}

export function validateFinalizers(finalizers: readonly string[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const finalizer of finalizers ?? []) {
    for (const message of isQualifiedName(finalizer)) errors.push(fieldError.invalid(path, finalizer, message))
  }
  if (finalizers?.includes("orphan") && finalizers.includes("foregroundDeletion")) {
    errors.push(fieldError.invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"))
  }
  for (const [index, finalizer] of (finalizers ?? []).entries()) {
    if (finalizer.includes("/") || standardFinalizers.has(finalizer)) continue
    errors.push(
      fieldError.invalid(
        `${path}[${index}]`,
        finalizer,
        "name is neither a standard finalizer name nor is it fully qualified",
      ),
    )
  }
  return errors
}

export function validateFieldManager(manager: string, path: string): FieldError[] {
  if (utf8Length(manager) > maxFieldManagerBytes) return [fieldError.tooLong(path, maxFieldManagerBytes)]
  const bad = [...manager].findIndex((character) => /[\p{C}\p{Zl}\p{Zp}]/u.test(character))
  return bad < 0
    ? []
    : [fieldError.invalid(path, manager, `should only contain printable characters (at position ${bad})`)]
}

export function validateManagedFields(entries: readonly ManagedFieldsEntry[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [index, entry] of (entries ?? []).entries()) {
    const at = `${path}[${index}]`
    if (entry.operation !== "Apply" && entry.operation !== "Update") {
      errors.push(fieldError.invalid(`${at}.operation`, entry.operation ?? "", "must be `Apply` or `Update`"))
    }
    if (entry.fieldsType && entry.fieldsType !== "FieldsV1") {
      errors.push(fieldError.invalid(`${at}.fieldsType`, entry.fieldsType, "must be `FieldsV1`"))
    }
    errors.push(...validateFieldManager(entry.manager ?? "", `${at}.manager`))
    if (utf8Length(entry.subresource ?? "") > maxSubresourceBytes) {
      errors.push(fieldError.tooLong(`${at}.subresource`, maxSubresourceBytes))
    }
  }
  return errors
}

function validateCommon(meta: ObjectMeta, path: string): FieldError[] {
  return [
    ...validateLabels(meta.labels, `${path}.labels`),
    ...validateAnnotations(meta.annotations, `${path}.annotations`),
    ...validateOwnerReferences(meta.ownerReferences, `${path}.ownerReferences`),
    ...validateFinalizers(meta.finalizers, `${path}.finalizers`),
    ...validateManagedFields(meta.managedFields, `${path}.managedFields`),
  ]
}

function validateNamespace(meta: ObjectMeta, namespaced: boolean, path: string): FieldError[] {
  if (!namespaced) {
    return meta.namespace ? [fieldError.forbidden(`${path}.namespace`, "not allowed on this type")] : []
  }
  if (!meta.namespace) return [fieldError.required(`${path}.namespace`)]
  return isDns1123Label(meta.namespace).map((message) =>
    fieldError.invalid(`${path}.namespace`, meta.namespace, message),
  )
}

/** Every wrong field of the metadata of a new object. */
export function validateObjectMeta(meta: ObjectMeta, rules: ObjectMetaRules): FieldError[] {
  const path = rules.path ?? "metadata"
  const validateName = rules.validateName ?? isDns1123Subdomain
  const errors: FieldError[] = []
  if (meta.generateName) {
    for (const message of validateName(maskTrailingDash(meta.generateName))) {
      errors.push(fieldError.invalid(`${path}.generateName`, meta.generateName, message))
    }
  }
  if (!meta.name) errors.push(fieldError.required(`${path}.name`, "name or generateName is required"))
  else {
    for (const message of validateName(meta.name)) errors.push(fieldError.invalid(`${path}.name`, meta.name, message))
  }
  errors.push(...validateNamespace(meta, rules.namespaced, path))
  if ((meta.generation ?? 0) < 0) {
    errors.push(fieldError.invalid(`${path}.generation`, meta.generation, "must be greater than or equal to 0"))
  }
  errors.push(...validateCommon(meta, path))
  return errors
}

const immutable = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const

/** Every wrong field of the metadata of an update. Absent uid and times are to be filled in before: `carryObjectMeta`. */
export function validateObjectMetaUpdate(next: ObjectMeta, previous: ObjectMeta, path = "metadata"): FieldError[] {
  const errors: FieldError[] = []
  if (previous.deletionTimestamp) {
    const added = (next.finalizers ?? []).filter((name) => !previous.finalizers?.includes(name)).sort()
    if (added.length > 0) {
      const list = `[]string{${added.map((name) => JSON.stringify(name)).join(", ")}}`
      errors.push(
        fieldError.forbidden(
          `${path}.finalizers`,
          `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
        ),
      )
    }
  }
  if (!next.resourceVersion) {
    errors.push(
      fieldError.invalid(`${path}.resourceVersion`, next.resourceVersion ?? "", "must be specified for an update"),
    )
  }
  if ((next.generation ?? 0) < (previous.generation ?? 0)) {
    errors.push(fieldError.invalid(`${path}.generation`, next.generation ?? 0, "must not be decremented"))
  }
  for (const field of immutable) {
    if (semanticEqual(next[field] ?? "", previous[field] ?? "")) continue
    errors.push(fieldError.invalid(`${path}.${field}`, next[field], "field is immutable"))
  }
  // What did not change was checked before: an update costs what it changes.
  const changed: ObjectMeta = {}
  for (const field of ["labels", "annotations", "ownerReferences", "finalizers", "managedFields"] as const) {
    if (!semanticEqual(next[field], previous[field])) Object.assign(changed, { [field]: next[field] })
  }
  errors.push(...validateCommon(changed, path))
  return errors
}

/** Fills in what a client may leave out of an update: uid, creation and deletion times, from the object that is stored. */
export function carryObjectMeta(draft: ObjectMeta, previous: ObjectMeta): void {
  const carry = (field: keyof ObjectMeta): void => {
    if (!draft[field] && previous[field] !== undefined) Object.assign(draft, { [field]: previous[field] })
  }
  carry("uid")
  carry("creationTimestamp")
  carry("deletionTimestamp")
  if (draft.deletionGracePeriodSeconds === undefined) carry("deletionGracePeriodSeconds")
  carry("selfLink")
}
