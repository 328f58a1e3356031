import { maxJsonDepth } from "../json/syntax.ts"
import type { FieldSchema, SchemaSource, TypeSchema } from "../schema.ts"
import { DecodeError } from "./context.ts"
import {
  type Decode,
  decodeAny,
  decodeAnyObject,
  decodeBoolean,
  decodeBytes,
  decodeInt32,
  decodeInt64,
  decodeIntOrString,
  decodeMicroTime,
  decodeNumber,
  decodeQuantity,
  decodeString,
  decodeTime,
} from "./scalars.ts"

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
const schemaProps = `${extensions}JSONSchemaProps`

/** Types whose JSON is not a struct of fields. */
const special: Readonly<Record<string, (compiler: TypeCompiler) => Decode>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": () => decodeQuantity,
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": () => decodeIntOrString,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": () => decodeAny,
  [`${meta}Time`]: () => decodeTime,
  [`${meta}MicroTime`]: () => decodeMicroTime,
  [`${meta}FieldsV1`]: () => decodeAnyObject,
  [`${meta}Patch`]: () => decodeAnyObject,
  [`${extensions}JSON`]: () => decodeAny,
  [`${extensions}JSONSchemaPropsOrArray`]: (compiler) => {
    const one = compiler.type(schemaProps)
    const many = listOf(one, "", {})
    return (value, context, owner) => (Array.isArray(value) ? many : one)(value, context, owner)
  },
  [`${extensions}JSONSchemaPropsOrBool`]: (compiler) => {
    const one = compiler.type(schemaProps)
    return (value, context, owner) => (typeof value === "boolean" ? value : one(value, context, owner))
  },
  [`${extensions}JSONSchemaPropsOrStringArray`]: (compiler) => {
    const one = compiler.type(schemaProps)
    const many = listOf(decodeString, "string", "")
    return (value, context, owner) => (Array.isArray(value) ? many : one)(value, context, owner)
  },
}

interface FieldDecoder {
  decode: Decode
  /** Absent and empty are one: the field is left out when its list or map is empty. */
  dropEmpty: boolean
}

/** Compiles the types of one source to closures, each when it is first wanted. */
export class TypeCompiler {
  readonly #source: SchemaSource
  readonly #types = new Map<string, Decode>()

  constructor(source: SchemaSource) {
    this.#source = source
  }

  type(name: string): Decode {
    const known = this.#types.get(name)
    if (known) return known
    // Types contain themselves: what is found while one is compiled calls it by its name.
    let compiled: Decode | undefined
    const later: Decode = (value, context, owner) => (compiled as Decode)(value, context, owner)
    this.#types.set(name, later)
    compiled = special[name] ? special[name](this) : this.#struct(name)
    this.#types.set(name, compiled)
    return compiled
  }

  #struct(name: string): Decode {
    const schema = this.#source(name)
    if (!schema) throw new Error(`no schema of type ${name}`)
    return structOf(name, schema, (field) => this.#field(field))
  }

  #field(field: FieldSchema): Decode {
    if (field.ref) return this.type(field.ref)
    switch (field.type) {
      case "string":
        return field.format === "byte" ? decodeBytes : decodeString
      case "integer":
        return field.format === "int32" ? decodeInt32 : decodeInt64
      case "number":
        return decodeNumber
      case "boolean":
        return decodeBoolean
      case "array":
        return listOf(this.#field(field.items ?? {}), goTypeOf(field.items ?? {}), zeroOf(field.items ?? {}))
      case "map":
        return mapOf(this.#field(field.values ?? {}), goTypeOf(field.values ?? {}), zeroOf(field.values ?? {}))
      default:
        return decodeAny
    }
  }
}

function goTypeOf(field: FieldSchema): string {
  if (field.ref) return field.ref.split(".").slice(-2).join(".")
  if (field.type === "integer") return field.format ?? "int64"
  if (field.type === "array") return `[]${goTypeOf(field.items ?? {})}`
  if (field.type === "map") return `map[string]${goTypeOf(field.values ?? {})}`
  if (field.type === "boolean") return "bool"
  if (field.type === "number") return "float64"
  if (field.type === "string") return field.format === "byte" ? "[]uint8" : "string"
  return "interface {}"
}

/** What a null stands for inside a list or map: the type's zero value; undefined where there is none. */
function zeroOf(field: FieldSchema): unknown {
  if (field.ref) return special[field.ref] ? undefined : {}
  return { string: "", integer: 0, number: 0, boolean: false, array: undefined, map: undefined, object: undefined }[
    field.type ?? "object"
  ]
}

const isEmpty = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length === 0
  for (const _ in value as object) return false
  return true
}

function structOf(name: string, schema: TypeSchema, fieldOf: (field: FieldSchema) => Decode): Decode {
  const structName = name.slice(name.lastIndexOf(".") + 1)
  const goType = name.split(".").slice(-2).join(".")
  let fields: Map<string, FieldDecoder> | undefined
  const compileFields = (): Map<string, FieldDecoder> =>
    new Map(
      Object.entries(schema.fields).map(([key, field]) => [
        key,
        {
          decode: fieldOf(field),
          // An empty list of managers is a wish: to forget them.
          dropEmpty:
            (field.type === "array" || field.type === "map") &&
            !schema.required?.includes(key) &&
            key !== "managedFields",
        },
      ]),
    )
  return (value, context, owner) => {
    if (typeof value !== "object" || Array.isArray(value)) throw context.mismatch(value, goType, owner)
    if (context.path.length > maxJsonDepth) throw new DecodeError("exceeded max depth")
    fields ??= compileFields()
    const object = value as Record<string, unknown>
    let dropped: Set<string> | undefined
    for (const key in object) {
      const field = fields.get(key)
      const before = object[key]
      if (!field) {
        context.noteUnknown(key)
        dropped = (dropped ?? new Set()).add(key)
      } else if (before === null) {
        dropped = (dropped ?? new Set()).add(key)
      } else {
        context.path.push(key)
        const after = field.decode(before, context, structName)
        context.path.pop()
        if (field.dropEmpty && isEmpty(after)) dropped = (dropped ?? new Set()).add(key)
        else if (after !== before) object[key] = after
      }
    }
    return dropped ? without(object, dropped) : object
  }
}

// A new object instead of `delete`, which would make the old one slow for good.
function without(object: Record<string, unknown>, dropped: ReadonlySet<string>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const key in object) if (!dropped.has(key)) result[key] = object[key]
  return result
}

function listOf(decode: Decode, goItem: string, zero: unknown): Decode {
  return (value, context, owner) => {
    if (!Array.isArray(value)) throw context.mismatch(value, `[]${goItem}`, owner)
    for (let index = 0; index < value.length; index++) {
      const before: unknown = value[index]
      if (before === null) {
        value[index] = typeof zero === "object" ? {} : zero
        continue
      }
      context.path.push(index)
      const after = decode(before, context, owner)
      context.path.pop()
      if (after !== before) value[index] = after
    }
    return zero === undefined && value.includes(undefined) ? value.filter((item) => item !== undefined) : value
  }
}

function mapOf(decode: Decode, goValue: string, zero: unknown): Decode {
  return (value, context, owner) => {
    if (typeof value !== "object" || Array.isArray(value)) throw context.mismatch(value, `map[string]${goValue}`, owner)
    const object = value as Record<string, unknown>
    let dropped: Set<string> | undefined
    for (const key in object) {
      const before = object[key]
      if (key === "__proto__" || (before === null && zero === undefined)) {
        dropped = (dropped ?? new Set()).add(key)
      } else if (before === null) {
        object[key] = typeof zero === "object" ? {} : zero
      } else {
        context.path.push({ key })
        const after = decode(before, context, owner)
        context.path.pop()
        if (after !== before) object[key] = after
      }
    }
    return dropped ? without(object, dropped) : object
  }
}
