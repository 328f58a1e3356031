/** A JSON schema as a CustomResourceDefinition gives it (`JSONSchemaProps`): the parts that the engine reads. */
export interface JsonSchemaProps {
  readonly type?: string
  readonly format?: string
  readonly description?: string
  readonly nullable?: boolean
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: boolean
  readonly exclusiveMaximum?: boolean
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonSchemaProps>>
  readonly additionalProperties?: JsonSchemaProps | boolean
  readonly items?: JsonSchemaProps | readonly JsonSchemaProps[]
  readonly allOf?: readonly JsonSchemaProps[]
  readonly anyOf?: readonly JsonSchemaProps[]
  readonly oneOf?: readonly JsonSchemaProps[]
  readonly not?: JsonSchemaProps
  readonly "x-kubernetes-int-or-string"?: boolean
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean
  readonly "x-kubernetes-embedded-resource"?: boolean
  readonly "x-kubernetes-list-type"?: string
  readonly "x-kubernetes-list-map-keys"?: readonly string[]
  readonly "x-kubernetes-map-type"?: string
  readonly "x-kubernetes-validations"?: readonly ValidationRule[]
}

/** A rule in the expression language that the values of a schema have to meet. */
export interface ValidationRule {
  readonly rule: string
  readonly message?: string
  readonly messageExpression?: string
  readonly reason?: string
  readonly fieldPath?: string
  readonly optionalOldSelf?: boolean
}

export type JsonObject = Record<string, unknown>

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The one schema of all items. */
export function itemsOf(schema: JsonSchemaProps): JsonSchemaProps | undefined {
  return Array.isArray(schema.items) ? undefined : (schema.items as JsonSchemaProps | undefined)
}

/** The schema of values under keys that `properties` does not name; undefined: there is none. */
export function valuesOf(schema: JsonSchemaProps): JsonSchemaProps | undefined {
  const { additionalProperties } = schema
  if (additionalProperties === true) return preserving
  return additionalProperties || undefined
}

/** The schema of a property. Names like `constructor` are no properties of every schema. */
export function propertyOf(schema: JsonSchemaProps, name: string): JsonSchemaProps | undefined {
  const { properties } = schema
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined
}

const preserving: JsonSchemaProps = { "x-kubernetes-preserve-unknown-fields": true }
