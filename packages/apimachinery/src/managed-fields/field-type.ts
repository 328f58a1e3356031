import type { FieldSchema, SchemaSource } from "../schema.ts"
import { fieldElement } from "./path-element.ts"

/** What ownership needs to know of the type of a place. Made of a schema once; custom resources bring their own. */
export type FieldType = ScalarType | StructType | MapType | ListType | DeducedType

export interface ScalarType {
  readonly kind: "scalar"
  /** What a configuration may hold here; `any` scalar for times, quantities and the like. */
  readonly scalar: "string" | "numeric" | "boolean" | "any"
}

export interface StructField {
  readonly element: string
  readonly type: FieldType
  /**
   * What stands there when the field is not sent: structs and lists that are always there are empty, not absent. Undefined
   * for optional fields.
   */
  readonly absent: unknown
}

export interface StructType {
  readonly kind: "struct"
  /** Owned as a whole. */
  readonly isAtomic: boolean
  readonly fields: ReadonlyMap<string, StructField>
  /** The fields that are always there. */
  readonly structs: readonly (readonly [name: string, field: StructField])[]
}

export interface MapType {
  readonly kind: "map"
  readonly isAtomic: boolean
  readonly values: FieldType
}

export interface ListType {
  readonly kind: "list"
  /** Owned as a whole, by value, or by the keys of the items. */
  readonly relation: "atomic" | "set" | "map"
  readonly items: FieldType
  /** By name, with what an item without the key means. */
  readonly keys: readonly { readonly name: string; readonly default: unknown }[]
}

/** Nothing is known: objects are owned field by field, lists as a whole. */
export interface DeducedType {
  readonly kind: "deduced"
}

export const deducedType: DeducedType = { kind: "deduced" }
const nothing: Readonly<Record<string, never>> = Object.freeze({})

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."
const anyScalar: ScalarType = { kind: "scalar", scalar: "any" }
const scalars: Readonly<Record<string, FieldType>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": anyScalar,
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": anyScalar,
  [`${meta}Time`]: anyScalar,
  [`${meta}MicroTime`]: anyScalar,
}

const compilers = new WeakMap<SchemaSource, Map<string, FieldType>>()

/** The type of this name, compiled when it is first wanted. Types contain themselves: inner ones are made as they are met. */
export function fieldTypeOf(typeName: string, source: SchemaSource): FieldType {
  let types = compilers.get(source)
  if (!types) {
    types = new Map()
    compilers.set(source, types)
  }
  return named(typeName, source, types)
}

function named(typeName: string, source: SchemaSource, types: Map<string, FieldType>): FieldType {
  const known = types.get(typeName)
  if (known) return known
  const schema = source(typeName)
  const made = scalars[typeName] ?? (schema && Object.keys(schema.fields).length > 0 ? undefined : deducedOr(schema))
  if (made) {
    types.set(typeName, made)
    return made
  }
  const fields = new Map<string, StructField>()
  const structs: [string, StructField][] = []
  const type: StructType = { kind: "struct", isAtomic: schema?.mapType === "atomic", fields, structs }
  types.set(typeName, type)
  const required = new Set(schema?.required)
  for (const [name, field] of Object.entries(schema?.fields ?? {})) {
    const entry: StructField = {
      element: fieldElement(name),
      type: fieldType(field, source, types),
      absent: absentOf(field, required.has(name)),
    }
    fields.set(name, entry)
    if (entry.absent === nothing) structs.push([name, entry])
  }
  return type
}

// A struct without fields is one that is empty by itself (`emptyDir`-like markers), or anything at all.
function deducedOr(schema: { type?: string } | undefined): FieldType {
  return schema && schema.type === undefined
    ? { kind: "struct", isAtomic: false, fields: new Map(), structs: [] }
    : deducedType
}

function absentOf(field: FieldSchema, isRequired: boolean): unknown {
  // The published default of a struct that is not a pointer is the empty object.
  if (field.ref) return isEmptyObject(field.default) ? nothing : undefined
  if (!isRequired) return undefined
  if (field.type === "array" || field.type === "map") return null
  return field.default
}

const isEmptyObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0

function fieldType(field: FieldSchema, source: SchemaSource, types: Map<string, FieldType>): FieldType {
  if (field.ref) {
    const type = named(field.ref, source, types)
    if (type.kind !== "struct" || !field.mapType) return type
    const isAtomic = field.mapType === "atomic"
    return isAtomic === type.isAtomic ? type : { ...type, isAtomic }
  }
  switch (field.type) {
    case "string":
      return { kind: "scalar", scalar: "string" }
    case "integer":
    case "number":
      return { kind: "scalar", scalar: "numeric" }
    case "boolean":
      return { kind: "scalar", scalar: "boolean" }
    case "array":
      return listType(field, source, types)
    case "map":
      return {
        kind: "map",
        isAtomic: field.mapType === "atomic",
        values: field.values ? fieldType(field.values, source, types) : deducedType,
      }
    default:
      return deducedType
  }
}

function listType(field: FieldSchema, source: SchemaSource, types: Map<string, FieldType>): ListType {
  const items = field.items ?? {}
  const itemFields = items.ref ? source(items.ref)?.fields : undefined
  const type: { -readonly [K in keyof ListType]: ListType[K] } = {
    kind: "list",
    relation: field.listType ?? "atomic",
    items: deducedType,
    keys: [...(field.listMapKeys ?? [])].sort().map((name) => ({ name, default: itemFields?.[name]?.default })),
  }
  type.items = field.items ? fieldType(items, source, types) : deducedType
  return type
}
