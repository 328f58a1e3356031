import { fieldError, isDns1035Label, isDns1123Subdomain } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { defaultColumns } from "../../printing/columns.ts"
import { bumpGeneration, keepField, keepSystemMetadata, startGeneration } from "../../strategy.ts"
import { checkImmutable, checkOneOf, checkRequired, checkTexts, type Errors, indexed } from "../../validation/checks.ts"

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

function checkNames(errors: Errors, spec: apiextensionsv1.CustomResourceDefinitionSpec): void {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames, categories } = spec.names ?? {}
  for (const [field, value] of [
    ["plural", plural],
    ["singular", singular],
  ] as const) {
    if (checkRequired(errors, `spec.names.${field}`, value)) {
      checkTexts(errors, `spec.names.${field}`, value, isDns1035Label(value))
    }
  }
  for (const [field, value] of [
    ["kind", kind],
    ["listKind", listKind],
  ] as const) {
    if (checkRequired(errors, `spec.names.${field}`, value)) {
      const messages = isDns1035Label(value.toLowerCase())
      if (messages.length > 0) {
        const detail = `may have mixed case, but should otherwise match: ${messages.join(",")}`
        errors.push(fieldError.invalid(`spec.names.${field}`, value, detail))
      }
    }
  }
  if (kind && kind === listKind) {
    errors.push(fieldError.invalid("spec.names.listKind", listKind, "kind and listKind may not be the same"))
  }
  for (const [name, at] of indexed("spec.names.shortNames", shortNames))
    checkTexts(errors, at, name, isDns1035Label(name))
  for (const [name, at] of indexed("spec.names.categories", categories))
    checkTexts(errors, at, name, isDns1035Label(name))
}

function checkVersions(errors: Errors, spec: apiextensionsv1.CustomResourceDefinitionSpec): void {
  const names = new Set<string>()
  for (const [version, at] of indexed("spec.versions", spec.versions)) {
    checkTexts(errors, `${at}.name`, version.name ?? "", isDns1035Label(version.name ?? ""))
    if (names.has(version.name)) errors.push(fieldError.invalid(`${at}.name`, version.name, "must be unique"))
    names.add(version.name)
    const schema = version.schema?.openAPIV3Schema
    if (!schema) errors.push(fieldError.required(`${at}.schema.openAPIV3Schema`, "schemas are required"))
    else if (schema.type !== "object") {
      const path = `${at}.schema.openAPIV3Schema.type`
      if (!schema.type) errors.push(fieldError.required(path, "must not be empty at the root"))
      else errors.push(fieldError.invalid(path, schema.type, "must be object at the root"))
    }
  }
  if ((spec.versions ?? []).filter(({ storage }) => storage).length !== 1) {
    const detail = "must have exactly one version marked as storage version"
    errors.push(fieldError.invalid("spec.versions", spec.versions ?? [], detail))
  }
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
  checkVersions(errors, spec)
  checkNames(errors, spec)
  checkOneOf(errors, "spec.conversion.strategy", spec.conversion?.strategy, ["None", "Webhook"])
  if (spec.conversion?.strategy === "Webhook" && !spec.conversion.webhook?.clientConfig) {
    const detail = "required when strategy is set to Webhook"
    errors.push(fieldError.required("spec.conversion.webhook.clientConfig", detail))
  }
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
  columns: defaultColumns,
}
