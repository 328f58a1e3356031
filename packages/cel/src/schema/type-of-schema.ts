import type { JsonSchemaProps } from "@ladya/apimachinery"
import {
  boolType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  type ObjectField,
  type ObjectType,
  stringType,
  timestampType,
} from "../types.ts"
import { escapedName } from "./escape.ts"
import { maxItemsOf, maxPropertiesOf, maxTextOf } from "./limits.ts"

/** What expressions see of a value besides its type: how its list compares, or which objects hold which fields. */
const schemas = new WeakMap<object, JsonSchemaProps>()

/** The schema that a type was made of. */
export const schemaOf = (type: CelType): JsonSchemaProps | undefined => schemas.get(type)

const text: JsonSchemaProps = { type: "string" }
const metadata: JsonSchemaProps = { type: "object", properties: { name: text, generateName: text } }

/**
 * The type of the values of a schema. `isResource` adds what every object has (`apiVersion`, `kind`, `metadata.name`
 * and `generateName`). Undefined for a schema that says nothing of its values, which expressions cannot reach.
 */
export function typeOfSchema(schema: JsonSchemaProps, isResource = false, name = "object"): CelType | undefined {
  const type = convert(schema, isResource || schema["x-kubernetes-embedded-resource"] === true, name)
  if (type && typeof type === "object") schemas.set(type, schema)
  return type
}

function convert(schema: JsonSchemaProps, isResource: boolean, name: string): CelType | undefined {
  if (schema["x-kubernetes-int-or-string"]) return { kind: "dyn", maxSize: maxTextOf(schema) }
  switch (schema.type) {
    case "boolean":
      return { ...boolType }
    case "integer":
      return { ...intType }
    case "number":
      return { ...doubleType }
    case "string":
      return ofText(schema)
    case "array": {
      const items = schema.items as JsonSchemaProps | undefined
      const element = items && typeOfSchema(items, false, `${name}.@idx`)
      return element && listOf(element, maxItemsOf(schema, items))
    }
    case "object": {
      const values = schema.additionalProperties
      if (values && typeof values === "object") {
        const value = typeOfSchema(values, false, `${name}.@elem`)
        return value && mapOf(stringType, value, maxPropertiesOf(schema, values))
      }
      if (!isResource && !schema.properties && (schema["x-kubernetes-preserve-unknown-fields"] || values === true)) {
        return { ...dynType }
      }
      return ofObject(schema, isResource, name)
    }
    default:
      return schema["x-kubernetes-preserve-unknown-fields"] ? { ...dynType } : undefined
  }
}

function ofText(schema: JsonSchemaProps): CelType {
  switch (schema.format) {
    case "byte":
      return { kind: "bytes", maxSize: maxTextOf(schema) }
    case "duration":
      return { ...durationType }
    case "date":
    case "date-time":
      return { ...timestampType }
    default:
      return { kind: "string", maxSize: maxTextOf(schema) }
  }
}

function ofObject(schema: JsonSchemaProps, isResource: boolean, name: string): ObjectType {
  let made: Map<string, ObjectField> | undefined
  const fields = (): ReadonlyMap<string, ObjectField> => {
    if (made) return made
    made = new Map()
    const properties = isResource
      ? { apiVersion: text, kind: text, ...schema.properties, metadata: mergedMetadata(schema) }
      : (schema.properties ?? {})
    for (const [key, property] of Object.entries(properties)) {
      const escaped = escapedName(key)
      const type = escaped === undefined ? undefined : typeOfSchema(property, false, `${name}.${key}`)
      if (escaped !== undefined && type) made.set(escaped, { type, jsonName: key })
    }
    return made
  }
  return { kind: "object", name, fields }
}

function mergedMetadata(schema: JsonSchemaProps): JsonSchemaProps {
  const own = schema.properties?.["metadata"]?.properties
  return own ? { type: "object", properties: { ...metadata.properties, ...pick(own) } } : metadata
}

/** Of the metadata, expressions reach the name alone. */
function pick(own: Readonly<Record<string, JsonSchemaProps>>): Record<string, JsonSchemaProps> {
  return Object.fromEntries(Object.entries(own).filter(([name]) => name === "name" || name === "generateName"))
}
