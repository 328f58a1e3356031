/** The types of the expression language. Sizes are what a schema bounds: characters in bytes, items, entries. */
export type CelType =
  | { readonly kind: Primitive; readonly maxSize?: number }
  | { readonly kind: "param"; readonly name: string }
  | { readonly kind: "list"; readonly element: CelType; readonly maxSize?: number }
  | { readonly kind: "map"; readonly key: CelType; readonly value: CelType; readonly maxSize?: number }
  | { readonly kind: "optional"; readonly value: CelType }
  | ObjectType
  | { readonly kind: "opaque"; readonly name: string }

export type Primitive =
  | "dyn"
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "null"
  | "timestamp"
  | "duration"
  | "type"

/** A message with named fields. The fields are a function, so that a schema may refer to itself. */
export interface ObjectType {
  readonly kind: "object"
  readonly name: string
  readonly fields: () => ReadonlyMap<string, ObjectField>
  /** The fields by their names in expressions, when some are escaped. */
  readonly maxSize?: number
}

/** One field of an object: its type, and its name in the JSON that the object comes from. */
export interface ObjectField {
  readonly type: CelType
  readonly jsonName: string
}

const primitive = (kind: Primitive): CelType => ({ kind })

export const dynType = primitive("dyn")
export const boolType = primitive("bool")
export const intType = primitive("int")
export const uintType = primitive("uint")
export const doubleType = primitive("double")
export const stringType = primitive("string")
export const bytesType = primitive("bytes")
export const nullType = primitive("null")
export const timestampType = primitive("timestamp")
export const durationType = primitive("duration")
export const typeType = primitive("type")

export const listOf = (element: CelType, maxSize?: number): CelType =>
  maxSize === undefined ? { kind: "list", element } : { kind: "list", element, maxSize }
export const mapOf = (key: CelType, value: CelType, maxSize?: number): CelType =>
  maxSize === undefined ? { kind: "map", key, value } : { kind: "map", key, value, maxSize }
export const optionalOf = (value: CelType): CelType => ({ kind: "optional", value })
export const opaqueType = (name: string): CelType => ({ kind: "opaque", name })

/** An object type of plain fields, whose names need no escaping. */
export function objectOf(name: string, fields: Readonly<Record<string, CelType>>): ObjectType {
  const made = new Map(Object.entries(fields).map(([key, type]) => [key, { type, jsonName: key }]))
  return { kind: "object", name, fields: () => made }
}

/** The text of a type as messages show it. */
export function typeText(type: CelType): string {
  switch (type.kind) {
    case "list":
      return `list(${typeText(type.element)})`
    case "map":
      return `map(${typeText(type.key)}, ${typeText(type.value)})`
    case "optional":
      return `optional_type(${typeText(type.value)})`
    case "object":
    case "opaque":
    case "param":
      return type.name
    default:
      return type.kind
  }
}

/** Whether two types are the same, whatever their sizes. */
export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case "list":
      return b.kind === "list" && sameType(a.element, b.element)
    case "map":
      return b.kind === "map" && sameType(a.key, b.key) && sameType(a.value, b.value)
    case "optional":
      return b.kind === "optional" && sameType(a.value, b.value)
    case "object":
    case "opaque":
    case "param":
      return a.name === (b as { name: string }).name
    default:
      return true
  }
}
