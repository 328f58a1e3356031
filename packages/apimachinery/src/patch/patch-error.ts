import { newStatusError, type StatusError, statusError } from "../status.ts"

/** A patch is JSON, but not one that means anything. */
export function badPatch(message: string): StatusError {
  return statusError.badRequest(message)
}

/** A patch that cannot be applied to this object: 422, with the reason as a cause. */
export function patchFails(why: string): StatusError {
  return newStatusError("Invalid", "the server rejected our request due to an error in our request", {
    // Clients show causes with their fields: one without would leave a stray colon.
    causes: [{ reason: "UnexpectedServerResponse", message: why, field: "patch" }],
  })
}

export type JsonObject = Record<string, unknown>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
