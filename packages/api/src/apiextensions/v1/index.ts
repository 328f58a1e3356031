import { fieldError, isDns1123Subdomain } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import type { Column, KindBehaviour } from "../../kind.ts"
import { nameColumn } from "../../printing/columns.ts"
import { bumpGeneration, keepField, keepSystemMetadata, startGeneration } from "../../strategy.ts"
import { checkImmutable, checkOneOf, checkRequired, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkApproval } from "./approval.ts"
import { checkConversion } from "./conversion.ts"
import { checkNames } from "./names.ts"
import { checkVersions } from "./versions.ts"

type Definition = apiextensionsv1.CustomResourceDefinition

/** Taken away by the API server when no instance is left. */
const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

const storedVersion = ({ spec }: Definition): string => spec?.versions?.find(({ storage }) => storage)?.name ?? ""

function defaults(draft: Definition): void {
  draft.spec ??= { group: "", names: { kind: "", plural: "" }, scope: "", versions: [] }
  const { names } = draft.spec
  if (names) {
    if (!names.singular && names.kind) names.singular = names.kind.toLowerCase()
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`
  }
  draft.spec.conversion ??= { strategy: "None" }
  draft.spec.conversion.strategy ||= "None"
  const service = draft.spec.conversion.webhook?.clientConfig?.service
  if (service) service.port ??= 443
}

function validate(next: Definition, previous: Definition | undefined): Errors {
  const errors: Errors = []
  const spec = next.spec
  if (!spec) return [fieldError.required("spec")]
  const wanted = `${spec.names?.plural ?? ""}.${spec.group ?? ""}`
  if (next.metadata.name !== wanted) {
    errors.push(fieldError.invalid("metadata.name", next.metadata.name, 'must be spec.names.plural+"."+spec.group'))
  }
  if (checkRequired(errors, "spec.group", spec.group)) {
    checkTexts(errors, "spec.group", spec.group, isDns1123Subdomain(spec.group))
    if (!spec.group.includes(".")) {
      errors.push(fieldError.invalid("spec.group", spec.group, "should be a domain with at least one dot"))
    }
  }
  checkOneOf(errors, "spec.scope", spec.scope, ["Cluster", "Namespaced"])
  checkApproval(errors, next, previous)
  checkVersions(errors, spec, previous?.spec)
  checkNames(errors, spec)
  checkConversion(errors, spec)
  if (spec.preserveUnknownFields) {
    const detail =
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    errors.push(fieldError.invalid("spec.preserveUnknownFields", true, detail))
  }
  if (!previous?.spec) return errors
  checkImmutable(errors, "spec.group", spec.group, previous.spec.group)
  const established = previous.status?.conditions?.some(
    ({ type, status }) => type === "Established" && status === "True",
  )
  if (established) {
    checkImmutable(errors, "spec.scope", spec.scope, previous.spec.scope)
    checkImmutable(errors, "spec.names.kind", spec.names?.kind, previous.spec.names.kind)
  }
  checkImmutable(errors, "spec.names.plural", spec.names?.plural, previous.spec.names.plural)
  for (const [version, at] of indexed("status.storedVersions", previous.status?.storedVersions)) {
    if (spec.versions?.some(({ name }) => name === version)) continue
    const detail = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`
    errors.push(fieldError.invalid(at, version, detail))
  }
  return errors
}

/** Which versions objects are kept in is for those to say who brought all of them into others. */
function validateStatus({ spec, status }: Definition): Errors {
  const path = "status.storedVersions"
  const stored = status?.storedVersions ?? []
  if (stored.length === 0) return [fieldError.invalid(path, stored, "must have at least one stored version")]
  const errors: Errors = []
  const names = new Set(spec?.versions.map(({ name }) => name))
  const current = spec?.versions.find(({ storage }) => storage)?.name
  for (const [version, at] of indexed(path, stored)) {
    if (!names.has(version)) errors.push(fieldError.invalid(at, version, "must appear in spec.versions"))
  }
  if (current && !stored.includes(current)) {
    const detail = `must have the storage version ${current}`
    errors.push(fieldError.invalid(path, stored, detail))
  }
  return errors
}

/** `kubectl get crd` shows when a definition was made. */
const createdAtColumn: Column<Definition> = {
  name: "Created At",
  type: "date",
  cell: ({ metadata }) => metadata.creationTimestamp ?? "<unknown>",
}

export const customResourceDefinition: KindBehaviour<Definition> = {
  default: defaults,
  prepareForCreate(draft) {
    startGeneration(draft)
    draft.status = { storedVersions: [storedVersion(draft)] }
    const finalizers = draft.metadata.finalizers ?? []
    if (!finalizers.includes(cleanupFinalizer)) draft.metadata.finalizers = [...finalizers, cleanupFinalizer]
  },
  prepareForUpdate(draft, previous) {
    keepField(draft, previous, "status")
    bumpGeneration(draft, previous)
    const stored = storedVersion(draft)
    const known = draft.status?.storedVersions ?? []
    if (stored && !known.includes(stored)) draft.status = { ...draft.status, storedVersions: [...known, stored] }
  },
  prepareForStatusUpdate(draft, previous) {
    keepField(draft, previous, "spec")
    keepSystemMetadata(draft, previous)
  },
  validate,
  validateStatus,
  columns: [nameColumn, createdAtColumn],
}
