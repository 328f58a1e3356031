import {
  compileJsonPath,
  fieldError,
  isDns1035Label,
  type JsonSchemaProps,
  semanticEqual,
  valuesOf,
} from "@ladya/apimachinery"
import { checkRules } from "@ladya/cel"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import { checkRequired, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkSchema } from "./schema/structural.ts"

type Spec = apiextensionsv1.CustomResourceDefinitionSpec
type Version = apiextensionsv1.CustomResourceDefinitionVersion

/** What all versions have in common is told at the definition, not at each of them. */
function pathIn(spec: Spec, at: string, shared: string, own: string, part: (version: Version) => unknown): string {
  const [first, ...others] = spec.versions ?? []
  const isShared = first !== undefined && others.every((other) => semanticEqual(part(first), part(other)))
  return isShared ? `spec.${shared}` : `${at}.${own}`
}

/** The versions of a definition, each with its schema and what belongs to it. */
export function checkVersions(errors: Errors, spec: Spec, previous: Spec | undefined): void {
  const names = new Set<string>()
  const told = new Set<string>()
  // What is told at the definition is told once.
  const once = (path: string, check: () => void): void => {
    if (told.has(path)) return
    told.add(path)
    check()
  }
  for (const [version, at] of indexed("spec.versions", spec.versions)) {
    checkTexts(errors, `${at}.name`, version.name ?? "", isDns1035Label(version.name ?? ""))
    if (names.has(version.name))
      errors.push(fieldError.invalid("spec.versions", version.name, "must contain unique version names"))
    names.add(version.name)
    checkDeprecation(errors, version, at)
    const before = previous?.versions?.find(({ name }) => name === version.name)
    const path = pathIn(spec, at, "validation", "schema", ({ schema }) => schema)
    once(path, () => checkVersionSchema(errors, version, before, path))
    const columns = pathIn(
      spec,
      at,
      "additionalPrinterColumns",
      "additionalPrinterColumns",
      (one) => one.additionalPrinterColumns,
    )
    once(columns, () => checkColumns(errors, version.additionalPrinterColumns, columns))
    const subresources = pathIn(spec, at, "subresources", "subresources", (one) => one.subresources)
    once(subresources, () => checkSubresources(errors, version, subresources))
    const fields = pathIn(spec, at, "selectableFields", "selectableFields", (one) => one.selectableFields)
    once(fields, () => checkSelectableFields(errors, version, fields))
  }
  if ((spec.versions ?? []).filter(({ storage }) => storage).length !== 1) {
    const detail = "must have exactly one version marked as storage version"
    errors.push(fieldError.invalid("spec.versions", spec.versions ?? [], detail))
  }
}

function checkDeprecation(errors: Errors, { deprecated, deprecationWarning }: Version, at: string): void {
  if (deprecationWarning === undefined) return
  const path = `${at}.deprecationWarning`
  if (!deprecated) errors.push(fieldError.invalid(path, deprecationWarning, "can only be set for deprecated versions"))
  if (deprecationWarning === "") errors.push(fieldError.invalid(path, "", "must not be empty"))
  if (deprecationWarning.length > 256)
    errors.push(fieldError.invalid(path, deprecationWarning, "must be <= 256 characters in length"))
  if (/\p{Cc}/u.test(deprecationWarning)) {
    errors.push(
      fieldError.invalid(
        path,
        deprecationWarning,
        "must only contain printable UTF-8 characters; non-printable character found",
      ),
    )
  }
}

function checkVersionSchema(errors: Errors, version: Version, before: Version | undefined, path: string): void {
  const schema = version.schema?.openAPIV3Schema as JsonSchemaProps | undefined
  if (!schema) {
    errors.push(fieldError.required(`${path}.openAPIV3Schema`, "schemas are required"))
    return
  }
  // A schema that was let in once stays right.
  if (before && semanticEqual(before.schema, version.schema)) return
  const found: Errors = []
  checkSchema(found, schema, `${path}.openAPIV3Schema`)
  errors.push(...found)
  // Rules are compiled against the types of a schema: it has to be right first.
  if (found.length === 0) errors.push(...checkRules(schema, `${path}.openAPIV3Schema`))
}

const columnTypes = ["boolean", "date", "integer", "number", "string"]
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"]

function checkColumns(
  errors: Errors,
  columns: readonly apiextensionsv1.CustomResourceColumnDefinition[] | undefined,
  path: string,
): void {
  for (const [column, at] of indexed(path, columns)) {
    checkRequired(errors, `${at}.name`, column.name)
    if (checkRequired(errors, `${at}.type`, column.type, `must be one of ${columnTypes.join(",")}`)) {
      if (!columnTypes.includes(column.type)) {
        errors.push(fieldError.invalid(`${at}.type`, column.type, `must be one of ${columnTypes.join(",")}`))
      }
    }
    if (column.format && !columnFormats.includes(column.format)) {
      errors.push(fieldError.invalid(`${at}.format`, column.format, `must be one of ${columnFormats.join(",")}`))
    }
    if (!checkRequired(errors, `${at}.JSONPath`, column.jsonPath)) continue
    checkPath(errors, column.jsonPath, `${at}.JSONPath`)
  }
}

function checkPath(errors: Errors, jsonPath: string, path: string): boolean {
  if (compileJsonPath(jsonPath)) return true
  errors.push(
    fieldError.invalid(path, jsonPath, "is an invalid JSON path: unrecognized character or unbalanced brackets"),
  )
  return false
}

function checkSubresources(errors: Errors, { subresources }: Version, path: string): void {
  const scale = subresources?.scale
  if (!scale) return
  const under = (field: string, value: string | undefined, roots: readonly string[], detail: string): void => {
    const at = `${path}.scale.${field}`
    if (value === undefined || value === "") return
    if (!checkSimplePath(errors, value, at)) return
    if (!roots.some((root) => value.startsWith(root))) errors.push(fieldError.invalid(at, value, detail))
  }
  checkRequired(errors, `${path}.scale.specReplicasPath`, scale.specReplicasPath)
  checkRequired(errors, `${path}.scale.statusReplicasPath`, scale.statusReplicasPath)
  under("specReplicasPath", scale.specReplicasPath, [".spec."], "should be a json path under .spec")
  under("statusReplicasPath", scale.statusReplicasPath, [".status."], "should be a json path under .status")
  const either = "should be a json path under either .spec or .status"
  under("labelSelectorPath", scale.labelSelectorPath, [".spec.", ".status."], either)
}

function checkSimplePath(errors: Errors, value: string, path: string): boolean {
  if (/^(\.[A-Za-z_$][\w$-]*)+$/.test(value)) return true
  const isDotted = value.startsWith(".")
  const detail = isDotted ? "must be a json path in the dot notation" : "must be a simple json path starting with ."
  errors.push(fieldError.invalid(path, value, detail))
  return false
}

const maxSelectableFields = 8

function checkSelectableFields(errors: Errors, version: Version, path: string): void {
  const fields = version.selectableFields ?? []
  if (fields.length > maxSelectableFields) {
    errors.push(fieldError.tooMany(path, fields.length, maxSelectableFields))
  }
  const seen = new Set<string>()
  for (const [{ jsonPath }, item] of indexed(path, fields)) {
    const at = `${item}.jsonPath`
    if (!checkRequired(errors, at, jsonPath)) continue
    if (seen.has(jsonPath)) errors.push(fieldError.duplicate(at, jsonPath))
    seen.add(jsonPath)
    const wrong = (detail: string): void => {
      errors.push(fieldError.invalid(at, jsonPath, detail))
    }
    if (!/^(\.[A-Za-z_$][\w$-]*)+$/.test(jsonPath)) {
      wrong("is an invalid path: must be a simple path like .a.b")
      continue
    }
    const names = jsonPath.slice(1).split(".")
    if (names[0] === "metadata") {
      wrong("must not point to fields in metadata")
      continue
    }
    let place = version.schema?.openAPIV3Schema as JsonSchemaProps | undefined
    for (const name of names) place = place && (place.properties?.[name] ?? valuesOf(place))
    if (!place) wrong("is an invalid path: does not refer to a valid field")
    else if (!["string", "boolean", "integer"].includes(place.type ?? "")) {
      wrong(
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      )
    }
  }
}
