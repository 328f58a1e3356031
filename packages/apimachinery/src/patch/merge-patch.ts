import { deepCopy } from "../objects/copy.ts"
import { jsonEqual } from "../objects/equality.ts"
import { isObject, type JsonObject, own } from "./patch-error.ts"

/** Applies a JSON merge patch (RFC 7386) to a copy of the document. */
export function applyMergePatch<T>(document: T, patch: unknown): T {
  return merged(deepCopy(document), patch) as T
}

/** `target` is private and written to. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return deepCopy(patch)
  const result = isObject(target) ? target : {}
  for (const key of Object.keys(patch)) {
    if (key === "__proto__") continue
    const value = patch[key]
    if (value === null) delete result[key]
    else result[key] = merged(own(result, key), value)
  }
  return result
}

/** The JSON merge patch that turns `original` into `modified`; empty when they are the same. Null in `modified` counts as absent. */
export function createMergePatch(original: object, modified: object): JsonObject {
  return difference(original as JsonObject, modified as JsonObject)
}

function difference(original: JsonObject, modified: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(modified)) {
    const next = modified[key]
    const previous = own(original, key)
    if (next === undefined || next === null || jsonEqual(previous, next)) continue
    patch[key] = isObject(previous) && isObject(next) ? difference(previous, next) : deepCopy(next)
  }
  for (const key of Object.keys(original)) {
    if ((own(modified, key) ?? null) === null && (original[key] ?? null) !== null) patch[key] = null
  }
  return patch
}
