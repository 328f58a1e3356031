import type { FieldSchema, JsonSchemaProps, SchemaSource } from "@ladya/apimachinery"
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  dynType,
  escapedName,
  intType,
  listOf,
  mapOf,
  type ObjectField,
  stringType,
  timestampType,
  typeOfSchema,
} from "@ladya/cel"

const scalars: Readonly<Record<string, CelType>> = {
  boolean: boolType,
  integer: intType,
  number: doubleType,
  string: stringType,
}

const formats: Readonly<Record<string, CelType>> = {
  byte: bytesType,
  "date-time": timestampType,
  "int-or-string": dynType,
}

/** The type of the objects of a kind, by its schema's name, as expressions see them. What has no schema is anything. */
export function celTypeOfKind(typeName: string, source: SchemaSource): CelType {
  const schema = source(typeName)
  if (!schema) return dynType
  if (schema.published) return typeOfSchema(schema.published as JsonSchemaProps, true) ?? dynType
  if (schema.oneOf) return dynType
  if (schema.format && Object.hasOwn(formats, schema.format)) return formats[schema.format] as CelType
  if (Object.keys(schema.fields).length === 0) return scalars[schema.type ?? ""] ?? dynType
  let made: Map<string, ObjectField> | undefined
  // Made when they are asked for: a type may hold itself.
  const fields = (): ReadonlyMap<string, ObjectField> => {
    if (made) return made
    made = new Map()
    for (const [name, field] of Object.entries(schema.fields)) {
      const escaped = escapedName(name)
      if (escaped !== undefined) made.set(escaped, { type: ofField(field, source), jsonName: name })
    }
    return made
  }
  return { kind: "object", name: typeName, fields }
}

function ofField(field: FieldSchema, source: SchemaSource): CelType {
  if (field.ref) return celTypeOfKind(field.ref, source)
  if (field.type === "array") return listOf(field.items ? ofField(field.items, source) : dynType)
  if (field.type === "map") return mapOf(stringType, field.values ? ofField(field.values, source) : dynType)
  if (field.format && Object.hasOwn(formats, field.format)) return formats[field.format] as CelType
  return scalars[field.type ?? ""] ?? dynType
}
