import { DecodeContext } from "../decoding/context.ts"
import { type Decode, decodeAny } from "../decoding/scalars.ts"
import { deepCopy } from "../objects/copy.ts"
import { isJsonObject, itemsOf, type JsonObject, type JsonSchemaProps, propertyOf, valuesOf } from "./schema.ts"

const always = new Set(["apiVersion", "kind", "metadata"])

/** Brings one value into its schema's shape: drops what is unknown, then fills in defaults. */
interface Shaper {
  readonly context: DecodeContext
  /** Decodes the metadata of the object and of embedded objects. */
  readonly metadata: Decode
}

/**
 * The decoder of a custom object: metadata by its own type, unknown fields dropped (and noted in the context), nulls that a
 * default stands behind replaced, absent fields with a default filled in. Types are for validation to check.
 */
export function structuralDecoder(schema: JsonSchemaProps, metadata: Decode): Decode {
  return (value, context) => {
    const safe = decodeAny(value, context, undefined)
    return shapeValue({ context, metadata }, schema, safe, true)
  }
}

/** An object in the shape of a schema: unknown fields dropped, defaults filled in. Metadata stays as it is. */
export function shapedObject<T>(schema: JsonSchemaProps, object: T): T {
  return structuralDecoder(schema, (value) => value)(object, new DecodeContext(false), undefined) as T
}

/** A value, not a whole object, without what its schema does not know. */
export function prunedValue(schema: JsonSchemaProps, value: unknown): unknown {
  const shaper = { context: new DecodeContext(false), metadata: (inner: unknown) => inner }
  return prune(shaper, schema, value, schema["x-kubernetes-embedded-resource"] ?? false)
}

/** Fills in what a schema defaults, in place. */
export function applyDefaults(schema: JsonSchemaProps, value: unknown): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema)
    if (items) for (const item of value) applyDefaults(items, item)
    return
  }
  if (!isJsonObject(value)) return
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue
    const present = Object.hasOwn(value, name) ? value[name] : undefined
    if (present === undefined || (present === null && !property.nullable)) value[name] = deepCopy(property.default)
  }
  const values = valuesOf(schema)
  for (const name in value) {
    const inner = propertyOf(schema, name) ?? values
    if (!inner) continue
    if (value[name] === null && !inner.nullable && inner.default !== undefined) value[name] = deepCopy(inner.default)
    if (typeof value[name] === "object") applyDefaults(inner, value[name])
  }
}

function shapeValue(shaper: Shaper, schema: JsonSchemaProps, value: unknown, isObject: boolean): unknown {
  const pruned = prune(shaper, schema, value, isObject)
  applyDefaults(schema, pruned)
  return pruned
}

function prune(shaper: Shaper, schema: JsonSchemaProps, value: unknown, isResource: boolean): unknown {
  const { context } = shaper
  if (Array.isArray(value)) {
    const items = itemsOf(schema)
    if (!items) return value
    return value.map((item, index) => {
      context.path.push(index)
      const kept = prune(shaper, items, item, items["x-kubernetes-embedded-resource"] ?? false)
      context.path.pop()
      return kept
    })
  }
  return isJsonObject(value) ? pruneObject(shaper, schema, value, isResource) : value
}

function pruneObject(shaper: Shaper, schema: JsonSchemaProps, value: JsonObject, isResource: boolean): JsonObject {
  const { context } = shaper
  const values = valuesOf(schema)
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] ?? false
  const kept: JsonObject = {}
  for (const [name, field] of Object.entries(value)) {
    if (isResource && always.has(name)) {
      kept[name] = name === "metadata" ? metadataOf(shaper, field) : field
      continue
    }
    const known = propertyOf(schema, name)
    const inner = known ?? values
    if (!inner) {
      if (keepsUnknown) kept[name] = field
      else context.noteUnknown(name)
      continue
    }
    context.path.push(known ? name : { key: name })
    kept[name] = prune(shaper, inner, field, inner["x-kubernetes-embedded-resource"] ?? false)
    context.path.pop()
  }
  return kept
}

function metadataOf(shaper: Shaper, value: unknown): unknown {
  if (value === null || value === undefined) return {}
  shaper.context.path.push("metadata")
  const decoded = shaper.metadata(value, shaper.context, undefined)
  shaper.context.path.pop()
  return decoded
}
