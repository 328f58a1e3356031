import { type FieldError, fieldError } from "../field-error.ts"
import { semanticEqual } from "../objects/equality.ts"
import { isOfFormat } from "./formats.ts"
import { matchesPattern } from "./pattern.ts"
import { isJsonObject, itemsOf, type JsonObject, type JsonSchemaProps, propertyOf, valuesOf } from "./schema.ts"

const pathOf = (path: string): string => path || "<nil>"
const child = (path: string, name: string): string => (path ? `${path}.${name}` : name)

function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null"
  if (Array.isArray(value)) return "array"
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number"
  return typeof value
}

function isOfType(schema: JsonSchemaProps, value: unknown): boolean {
  if (value === null) return schema.nullable ?? false
  const found = typeName(value)
  if (schema["x-kubernetes-int-or-string"]) return found === "integer" || found === "string"
  return !schema.type || schema.type === found || (schema.type === "number" && found === "integer")
}

/**
 * Every wrong place of a value, in the wording of the API. `path` is that of the value, empty at the root. What is as it
 * was in `previous` is let through, right or not: a definition may become stricter than what it finds.
 */
export function validateStructural(
  schema: JsonSchemaProps,
  value: unknown,
  previous?: unknown,
  path = "",
): FieldError[] {
  const errors: FieldError[] = []
  check(schema, value, previous, path, errors)
  return errors
}

function check(schema: JsonSchemaProps, value: unknown, previous: unknown, path: string, errors: FieldError[]): void {
  if (previous !== undefined && semanticEqual(value, previous)) return
  const at = pathOf(path)
  if (!isOfType(schema, value)) {
    const wanted = schema["x-kubernetes-int-or-string"] ? "integer,string" : schema.type
    const found = typeName(value)
    errors.push(fieldError.typeInvalid(at, found, `${path} in body must be of type ${wanted}: "${found}"`))
    return
  }
  if (value === null) return
  if (schema.enum && !schema.enum.some((allowed) => semanticEqual(allowed, value))) {
    const texts = schema.enum.map((allowed) => (typeof allowed === "string" ? allowed : JSON.stringify(allowed)))
    errors.push(fieldError.notSupported(at, value, texts))
  }
  if (typeof value === "string") checkText(schema, value, path, errors)
  else if (typeof value === "number") checkNumber(schema, value, path, errors)
  else if (Array.isArray(value)) checkList(schema, value, previous, path, errors)
  else if (isJsonObject(value)) checkObject(schema, value, previous, path, errors)
  checkCombined(schema, value, path, errors)
}

function checkText(schema: JsonSchemaProps, value: string, path: string, errors: FieldError[]): void {
  const at = pathOf(path)
  const { minLength, maxLength, format } = schema
  if (minLength !== undefined || maxLength !== undefined) {
    const length = [...value].length
    if (maxLength !== undefined && length > maxLength) errors.push(fieldError.tooLong(at, maxLength))
    if (minLength !== undefined && length < minLength) {
      errors.push(fieldError.invalid(at, value, `${path} in body should be at least ${minLength} chars long`))
    }
  }
  if (schema.pattern && matchesPattern(schema.pattern, value) === false) {
    errors.push(fieldError.invalid(at, value, `${path} in body should match '${schema.pattern}'`))
  }
  if (format && !schema["x-kubernetes-int-or-string"] && !isOfFormat(format, value)) {
    const detail = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`
    errors.push(fieldError.typeInvalid(at, value, detail))
  }
}

function checkNumber(schema: JsonSchemaProps, value: number, path: string, errors: FieldError[]): void {
  const wrong = (what: string): void => {
    errors.push(fieldError.invalid(pathOf(path), value, `${path} in body should be ${what}`))
  }
  const { minimum, maximum, multipleOf, format } = schema
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum && value >= maximum) wrong(`less than ${maximum}`)
    else if (value > maximum) wrong(`less than or equal to ${maximum}`)
  }
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum && value <= minimum) wrong(`greater than ${minimum}`)
    else if (value < minimum) wrong(`greater than or equal to ${minimum}`)
  }
  if (multipleOf) {
    const times = value / multipleOf
    if (Math.abs(times - Math.round(times)) > 1e-9 * Math.max(1, Math.abs(times))) wrong(`a multiple of ${multipleOf}`)
  }
  if (format === "int32" && (value | 0) !== value) {
    errors.push(fieldError.invalid(pathOf(path), value, `${path} in body must be of type int32: "${value}"`))
  }
}

function checkList(
  schema: JsonSchemaProps,
  value: readonly unknown[],
  previous: unknown,
  path: string,
  errors: FieldError[],
): void {
  const at = pathOf(path)
  const { minItems, maxItems } = schema
  if (maxItems !== undefined && value.length > maxItems) errors.push(fieldError.tooMany(at, value.length, maxItems))
  if (minItems !== undefined && value.length < minItems) {
    errors.push(fieldError.invalid(at, value, `${path} in body should have at least ${minItems} items`))
  }
  const items = itemsOf(schema)
  const before = items && correlatedItems(schema, previous)
  if (items) {
    for (const [index, item] of value.entries()) check(items, item, before?.(item), `${path}[${index}]`, errors)
  }
  checkUnique(schema, value, path, errors)
}

/** Lists that are sets or maps hold no two items that are the same, or have the same keys. */
function checkUnique(schema: JsonSchemaProps, value: readonly unknown[], path: string, errors: FieldError[]): void {
  const listType = schema["x-kubernetes-list-type"]
  if (listType !== "set" && listType !== "map") return
  const keys = schema["x-kubernetes-list-map-keys"] ?? []
  const seen = new Set<string>()
  for (const [index, item] of value.entries()) {
    const identity =
      listType === "set" || !isJsonObject(item)
        ? item
        : Object.fromEntries(keys.filter((key) => Object.hasOwn(item, key)).map((key) => [key, item[key]]))
    const text = canonical(identity)
    if (seen.has(text)) errors.push(fieldError.duplicate(`${path}[${index}]`, identity))
    seen.add(text)
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )
}

/** Finds the item that one of a list of maps was before, by its keys; items of other lists have no past. */
export function correlatedItems(schema: JsonSchemaProps, previous: unknown): ((item: unknown) => unknown) | undefined {
  if (schema["x-kubernetes-list-type"] !== "map" || !Array.isArray(previous)) return undefined
  const keys = schema["x-kubernetes-list-map-keys"] ?? []
  const identity = (item: unknown): string =>
    JSON.stringify(keys.map((key) => (isJsonObject(item) ? (item[key] ?? null) : null)))
  const known = new Map(previous.map((item: unknown) => [identity(item), item]))
  return (item) => known.get(identity(item))
}

function checkObject(
  schema: JsonSchemaProps,
  value: JsonObject,
  previous: unknown,
  path: string,
  errors: FieldError[],
): void {
  const at = pathOf(path)
  const { minProperties, maxProperties } = schema
  if (minProperties !== undefined || maxProperties !== undefined) {
    const count = Object.keys(value).length
    if (maxProperties !== undefined && count > maxProperties) {
      errors.push(fieldError.tooMany(at, count, maxProperties))
    }
    if (minProperties !== undefined && count < minProperties) {
      errors.push(fieldError.invalid(at, value, `${path} in body should have at least ${minProperties} properties`))
    }
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name)) errors.push(fieldError.required(child(path, name)))
  }
  if (schema["x-kubernetes-embedded-resource"]) checkEmbedded(value, path, errors)
  const values = valuesOf(schema)
  const before = isJsonObject(previous) ? previous : {}
  for (const [name, field] of Object.entries(value)) {
    const inner = propertyOf(schema, name) ?? values
    if (inner) check(inner, field, before[name], child(path, name), errors)
  }
}

function checkEmbedded(value: JsonObject, path: string, errors: FieldError[]): void {
  for (const name of ["apiVersion", "kind"]) {
    if (!value[name]) errors.push(fieldError.required(child(path, name), "must not be empty"))
  }
}

function holds(schema: JsonSchemaProps, value: unknown, path: string): boolean {
  return validateStructural(schema, value, undefined, path).length === 0
}

function checkCombined(schema: JsonSchemaProps, value: unknown, path: string, errors: FieldError[]): void {
  const wrong = (detail: string): void => {
    errors.push(fieldError.invalid(pathOf(path), "", `"${path}" must ${detail}`))
  }
  const { allOf, anyOf, oneOf, not } = schema
  if (anyOf && !anyOf.some((option) => holds(option, value, path))) {
    wrong("validate at least one schema (anyOf)")
    for (const error of validateStructural(anyOf[0] ?? {}, value, undefined, path)) errors.push(error)
  }
  if (oneOf) {
    const count = oneOf.filter((option) => holds(option, value, path)).length
    if (count === 0) wrong("validate one and only one schema (oneOf). Found none valid")
    else if (count > 1) wrong(`validate one and only one schema (oneOf). Found ${count} valid alternatives`)
  }
  if (allOf) {
    const before = errors.length
    const passed = allOf.filter((part) => {
      const found = validateStructural(part, value, undefined, path)
      errors.push(...found)
      return found.length === 0
    }).length
    if (errors.length > before) wrong(`validate all the schemas (allOf)${passed === 0 ? ". None validated" : ""}`)
  }
  if (not && holds(not, value, path)) wrong("not validate the schema (not)")
}
