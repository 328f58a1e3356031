import { deducedType, type FieldType, type ListType, type StructField } from "../managed-fields/field-type.ts"
import { fieldElement } from "../managed-fields/path-element.ts"
import { itemsOf, type JsonSchemaProps, propertyOf, valuesOf } from "./schema.ts"

/** What ownership needs to know of a custom object: its schema with the metadata that every object has. */
export function structuralFieldType(schema: JsonSchemaProps, metadata: FieldType): FieldType {
  const text: FieldType = { kind: "scalar", scalar: "string" }
  const type = typeOf(schema)
  if (type.kind !== "struct") return deducedType
  const fields = new Map(type.fields)
  const put = (name: string, inner: FieldType): void => {
    fields.set(name, { element: fieldElement(name), type: inner, absent: undefined })
  }
  put("apiVersion", text)
  put("kind", text)
  put("metadata", metadata)
  return { ...type, fields }
}

function typeOf(schema: JsonSchemaProps): FieldType {
  if (schema["x-kubernetes-int-or-string"]) return { kind: "scalar", scalar: "any" }
  switch (schema.type) {
    case "string":
      return { kind: "scalar", scalar: "string" }
    case "integer":
    case "number":
      return { kind: "scalar", scalar: "numeric" }
    case "boolean":
      return { kind: "scalar", scalar: "boolean" }
    case "array":
      return listOf(schema)
    case "object":
      return objectOf(schema)
    default:
      return deducedType
  }
}

function objectOf(schema: JsonSchemaProps): FieldType {
  const isAtomic = schema["x-kubernetes-map-type"] === "atomic"
  const values = valuesOf(schema)
  if (values) return { kind: "map", isAtomic, values: typeOf(values) }
  if (schema["x-kubernetes-preserve-unknown-fields"] || schema["x-kubernetes-embedded-resource"]) return deducedType
  const fields = new Map<string, StructField>()
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    fields.set(name, { element: fieldElement(name), type: typeOf(property), absent: undefined })
  }
  return { kind: "struct", isAtomic, fields, structs: [] }
}

function listOf(schema: JsonSchemaProps): ListType {
  const items = itemsOf(schema) ?? {}
  const listType = schema["x-kubernetes-list-type"]
  return {
    kind: "list",
    relation: listType === "set" || listType === "map" ? listType : "atomic",
    items: typeOf(items),
    keys: [...(schema["x-kubernetes-list-map-keys"] ?? [])]
      .sort()
      .map((name) => ({ name, default: propertyOf(items, name)?.default })),
  }
}
