import type { JsonSchemaProps } from "@ladya/apimachinery"

/** The largest request that the API takes, in bytes: what has no bound of its own is bounded by it. */
const maxRequestBytes = 3 * 1024 * 1024

/** The least bytes that a value of a schema takes as JSON. */
export function minSerializedSize(schema: JsonSchemaProps): number {
  if (schema["x-kubernetes-int-or-string"]) return 1
  switch (schema.type) {
    case "boolean":
      return 4
    case "integer":
    case "number":
      return 1
    case "string":
      return stringMinimum(schema)
    case "array":
      return 2
    case "object":
      return objectMinimum(schema)
    default:
      return 1
  }
}

function stringMinimum({ format, enum: values }: JsonSchemaProps): number {
  if (format === "duration") return 4
  if (format === "date") return 12
  if (format === "date-time") return 22
  if (values?.length) return Math.min(...values.map((value) => String(value).length)) + 2
  return 2
}

function objectMinimum({ properties = {}, required = [] }: JsonSchemaProps): number {
  let size = 2
  for (const [name, property] of Object.entries(properties)) {
    if (required.includes(name) && property.default === undefined) size += name.length + minSerializedSize(property) + 4
  }
  return size
}

export const maxItemsOf = (schema: JsonSchemaProps, items: JsonSchemaProps): number =>
  schema.maxItems ?? Math.floor((maxRequestBytes - 2) / (minSerializedSize(items) + 1))

export const maxPropertiesOf = (schema: JsonSchemaProps, values: JsonSchemaProps): number =>
  schema.maxProperties ?? Math.floor((maxRequestBytes - 2) / (minSerializedSize(values) + 6))

/** The most bytes that a text of a schema may have: a character takes up to four. */
export function maxTextOf(schema: JsonSchemaProps): number {
  if (schema.maxLength !== undefined) return schema.maxLength * 4
  if (schema.enum?.length) return Math.max(...schema.enum.map((value) => String(value).length))
  return maxRequestBytes - 2
}
