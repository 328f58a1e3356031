import { JsonError, parseJson } from "../json/parse.ts"
import { newStatusError } from "../status.ts"
import { badPatch, isObject } from "./patch-error.ts"

/** The patches that are told apart by their media types. */
export type PatchFormat = "json" | "merge" | "strategic"

/** A JSON patch may have so many operations and no more. */
export const maxJsonPatchOperations = 10_000

const maxJsonPatchBytes = 1024 * 1024

const goType = (value: unknown): string => (Array.isArray(value) ? "array" : isObject(value) ? "object" : typeof value)

/** Parses the body of a patch request and checks its shape. Throws a 400 or 413 Status. */
export function parsePatch(body: string | Uint8Array, format: PatchFormat): unknown {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body)
  if (format === "json" && text.length > maxJsonPatchBytes) {
    throw newStatusError(
      "RequestEntityTooLarge",
      `Request entity is too large: The allowed maximum size of a JSON patch is ${maxJsonPatchBytes}, got ${text.length}`,
    )
  }
  let patch: unknown
  try {
    patch = parseJson(text)
  } catch (error) {
    if (error instanceof JsonError) throw badPatch(error.message)
    throw error
  }
  if (format === "json") {
    if (!Array.isArray(patch))
      throw badPatch(`json: cannot unmarshal ${goType(patch)} into Go value of type jsonpatch.Patch`)
    if (patch.length > maxJsonPatchOperations) {
      throw newStatusError(
        "RequestEntityTooLarge",
        `Request entity is too large: The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${patch.length}`,
      )
    }
  } else if (!isObject(patch)) {
    throw badPatch(
      format === "merge"
        ? "Invalid JSON Patch"
        : `json: cannot unmarshal ${goType(patch)} into Go value of type map[string]interface {}`,
    )
  }
  return patch
}
