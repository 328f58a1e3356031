import { jsonSyntaxError, maxJsonDepth } from "./syntax.ts"

/** The text is not JSON, or not JSON that the API takes. The message is worded as the API words it. */
export class JsonError extends Error {
  override name = "JsonError"
}

/** Whether a value nests deeper than the API takes. */
export function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return false
  if (depth > maxJsonDepth) return true
  if (Array.isArray(value)) return value.some((item) => isTooDeep(item, depth + 1))
  for (const key in value) if (isTooDeep((value as Record<string, unknown>)[key], depth + 1)) return true
  return false
}

/** Parses JSON, bounded in depth. Throws a JsonError. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new JsonError(jsonSyntaxError(text) ?? (error instanceof Error ? error.message : String(error)))
  }
  if (isTooDeep(value)) throw new JsonError("exceeded max depth")
  return value
}
