import {
  compilePattern,
  fieldError,
  fieldErrorText,
  isJsonObject,
  itemsOf,
  type JsonSchemaProps,
  prunedValue,
  semanticEqual,
  validateStructural,
} from "@ladya/apimachinery"
import { type Errors, indexed } from "../../../validation/checks.ts"
import { checkCompleteness } from "./completeness.ts"
import { checkList } from "./lists.ts"

type Level = "root" | "field" | "items"
/** Where a schema stands: by itself, or as a condition on a value that another schema describes. */
interface Place {
  readonly path: string
  readonly level: Level
  readonly isCondition: boolean
  /** `apiVersion`, `kind` and `metadata` stand beside what is described. */
  readonly isResource: boolean
}

const types = ["array", "boolean", "integer", "number", "object", "string"]
const missingType: Record<Level, string> = {
  root: "must not be empty at the root",
  field: "must not be empty for specified object fields",
  items: "must not be empty for specified array items",
}

/** Everything in which a schema is not one that the API can prune, default and validate by. */
export function checkSchema(errors: Errors, schema: JsonSchemaProps, path: string): void {
  const found: Errors = []
  visit(found, schema, { path, level: "root", isCondition: false, isResource: true })
  checkCompleteness(found, schema, path)
  const texts = new Map(found.map((error) => [fieldErrorText(error), error]))
  errors.push(...[...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, error]) => error))
}

function visit(errors: Errors, schema: JsonSchemaProps, place: Place): void {
  checkKeywords(errors, schema, place)
  if (place.isCondition) checkCondition(errors, schema, place)
  else checkType(errors, schema, place)
  checkList(errors, schema, place.path)
  checkDefault(errors, schema, place)
  visitBelow(errors, schema, place)
}

function visitBelow(errors: Errors, schema: JsonSchemaProps, place: Place): void {
  const { path, isCondition } = place
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const at = `${path}.properties[${name}]`
    const isMetadata = place.isResource && name === "metadata" && !isCondition
    if (isMetadata && property.type !== "object") {
      errors.push(fieldError.invalid(`${at}.type`, property.type ?? "", "must be object"))
    }
    if (isMetadata && place.level === "root") checkMetadata(errors, property, at)
    else {
      const isResource = property["x-kubernetes-embedded-resource"] ?? false
      visit(errors, property, { path: at, level: "field", isCondition, isResource })
    }
  }
  const { additionalProperties } = schema
  if (isJsonObject(additionalProperties)) {
    const values = additionalProperties as JsonSchemaProps
    const isResource = values["x-kubernetes-embedded-resource"] ?? false
    visit(errors, values, { path: `${path}.additionalProperties`, level: "field", isCondition, isResource })
  }
  const items = itemsOf(schema)
  if (items) {
    const isResource = items["x-kubernetes-embedded-resource"] ?? false
    visit(errors, items, { path: `${path}.items`, level: "items", isCondition, isResource })
  }
  // The alternatives of what is a number or a text are part of saying so.
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    for (const [part, at] of indexed(`${path}.${name}`, schema[name] as JsonSchemaProps[] | undefined)) {
      if (name !== "oneOf" && isIntOrStringPart(schema[name] as JsonSchemaProps[], part)) continue
      visit(errors, part, { path: at, level: place.level, isCondition: true, isResource: place.isResource })
    }
  }
  if (schema.not) {
    visit(errors, schema.not, {
      path: `${path}.not`,
      level: place.level,
      isCondition: true,
      isResource: place.isResource,
    })
  }
}

/** A number or a text: `anyOf: [{type: integer}, {type: string}]`, or that as the first part of `allOf`. */
function isIntOrStringPart(parts: readonly JsonSchemaProps[], part: JsonSchemaProps): boolean {
  const isChoice = (choice: readonly JsonSchemaProps[] | undefined): boolean =>
    choice?.length === 2 && semanticEqual(choice, [{ type: "integer" }, { type: "string" }])
  return isChoice(parts) || (part === parts[0] && isChoice(part.anyOf))
}

function checkKeywords(errors: Errors, schema: JsonSchemaProps, { path, level, isResource }: Place): void {
  const given = schema as Readonly<Record<string, unknown>>
  const forbid = (field: string, detail: string): void => {
    errors.push(fieldError.forbidden(`${path}.${field}`, detail))
  }
  for (const field of ["$ref"] as const) if (given[field]) forbid("$ref", "$ref is not supported")
  for (const field of ["definitions", "dependencies", "id", "patternProperties", "additionalItems"]) {
    const value = given[field]
    if (value !== undefined && value !== "" && !(isJsonObject(value) && Object.keys(value).length === 0)) {
      forbid(field, `${field} is not supported`)
    }
  }
  if (schema.uniqueItems) {
    forbid("uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic")
  }
  if (schema.additionalProperties === false)
    forbid("additionalProperties", "additionalProperties cannot be set to false")
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
    if (Object.keys(schema.properties ?? {}).length > 0) {
      forbid("additionalProperties", "additionalProperties and properties are mutual exclusive")
    }
    if (level === "root") forbid("additionalProperties", "must not be used at the root")
    if (schema["x-kubernetes-embedded-resource"]) {
      forbid("additionalProperties", "must not be used if x-kubernetes-embedded-resource is set")
    }
  }
  if (Array.isArray(schema.items)) forbid("items", "items must be a schema object and not an array")
  if (schema.type && !types.includes(schema.type)) {
    errors.push(fieldError.notSupported(`${path}.type`, schema.type, types))
  }
  if (schema.pattern) {
    try {
      compilePattern(schema.pattern)
    } catch (error) {
      const detail = `must be a valid regular expression, but isn't: ${(error as Error).message}`
      errors.push(fieldError.invalid(`${path}.pattern`, schema.pattern, detail))
    }
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    errors.push(fieldError.invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"))
  }
  if (schema["x-kubernetes-embedded-resource"]) {
    if (schema.type !== "object") {
      const detail = "must be object if x-kubernetes-embedded-resource is true"
      if (schema.type) errors.push(fieldError.invalid(`${path}.type`, schema.type, detail))
      else errors.push(fieldError.required(`${path}.type`, detail))
    }
    if (!schema["x-kubernetes-preserve-unknown-fields"] && Object.keys(schema.properties ?? {}).length === 0) {
      const detail =
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
      errors.push(fieldError.required(`${path}.properties`, detail))
    }
  }
  if (isResource) checkTypeMeta(errors, schema, path)
}

function checkTypeMeta(errors: Errors, schema: JsonSchemaProps, path: string): void {
  for (const name of ["apiVersion", "kind"]) {
    const type = schema.properties?.[name]?.type
    if (type && type !== "string") {
      errors.push(fieldError.invalid(`${path}.properties[${name}].type`, type, "must be string"))
    }
  }
}

function checkType(errors: Errors, schema: JsonSchemaProps, { path, level }: Place): void {
  if (schema["x-kubernetes-int-or-string"]) {
    for (const field of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const) {
      if (!schema[field]) continue
      errors.push(fieldError.invalid(`${path}.${field}`, true, "must be false if x-kubernetes-int-or-string is true"))
    }
    return
  }
  if (schema.type === "array" && !schema.items) errors.push(fieldError.required(`${path}.items`, "must be specified"))
  if (!schema.type) {
    const isOpen = schema["x-kubernetes-preserve-unknown-fields"] || schema["x-kubernetes-embedded-resource"]
    if (!isOpen) errors.push(fieldError.required(`${path}.type`, missingType[level]))
  } else if (level === "root" && schema.type !== "object") {
    errors.push(fieldError.invalid(`${path}.type`, schema.type, "must be object at the root"))
  }
}

/** What describes a value may not stand in a condition on it; with what is told then. */
const descriptive: readonly (readonly [field: string, wanted: "empty" | "undefined" | "false"])[] = [
  ["type", "empty"],
  ["additionalProperties", "undefined"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  ["externalDocs", "undefined"],
  ["x-kubernetes-preserve-unknown-fields", "false"],
  ["x-kubernetes-embedded-resource", "false"],
  ["x-kubernetes-int-or-string", "false"],
  ["x-kubernetes-list-map-keys", "empty"],
  ["x-kubernetes-list-type", "undefined"],
  ["x-kubernetes-map-type", "undefined"],
  ["x-kubernetes-validations", "empty"],
]

function checkCondition(errors: Errors, schema: JsonSchemaProps, { path }: Place): void {
  const given = schema as Readonly<Record<string, unknown>>
  for (const [field, wanted] of descriptive) {
    const value = given[field]
    if (value === undefined || value === "" || value === false) continue
    errors.push(fieldError.forbidden(`${path}.${field}`, `must be ${wanted} to be structural`))
  }
  if (schema.properties?.["metadata"]) {
    errors.push(fieldError.forbidden(`${path}.properties[metadata]`, "must not be specified in a nested context"))
  }
}

function checkMetadata(errors: Errors, schema: JsonSchemaProps, path: string): void {
  const others = Object.keys(schema.properties ?? {}).filter((name) => name !== "name" && name !== "generateName")
  const rest = Object.keys(schema).filter((key) => key !== "type" && key !== "properties" && key !== "description")
  if (others.length > 0 || rest.length > 0) {
    const detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
    errors.push(fieldError.forbidden(path, detail))
  }
}

function checkDefault(errors: Errors, schema: JsonSchemaProps, { path, level, isCondition }: Place): void {
  const value = schema.default
  if (value === undefined || isCondition) return
  const at = `${path}.default`
  if (level === "root") {
    errors.push(fieldError.forbidden(at, "must not be set at the root"))
    return
  }
  if (!semanticEqual(prunedValue(schema, value), value)) {
    errors.push(fieldError.invalid(at, value, "must not have unknown fields"))
    return
  }
  const found = validateStructural(schema, value)
  for (const error of found) errors.push({ ...error, field: error.field === "<nil>" ? at : `${at}.${error.field}` })
}
