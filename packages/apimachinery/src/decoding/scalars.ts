import { maxJsonDepth } from "../json/syntax.ts"
import { formatMicroTime, formatTime, parseTime } from "../objects/time.ts"
import { canonicalQuantity } from "../quantity.ts"
import { type DecodeContext, DecodeError } from "./context.ts"

/** Takes a value that is not null and gives what is kept of it. `owner` is the type that has the field. */
export type Decode = (value: unknown, context: DecodeContext, owner: string | undefined) => unknown

export const decodeString: Decode = (value, context, owner) => {
  if (typeof value !== "string") throw context.mismatch(value, "string", owner)
  return value
}

export const decodeBoolean: Decode = (value, context, owner) => {
  if (typeof value !== "boolean") throw context.mismatch(value, "bool", owner)
  return value
}

export const decodeInt32: Decode = (value, context, owner) => {
  if (typeof value !== "number" || (value | 0) !== value) throw context.mismatch(value, "int32", owner)
  return value
}

// The largest double below 2^63. 2^63-1 itself cannot be told from 2^63, which other clients would refuse to read.
const largestInt64 = 2 ** 63 - 1024

export const decodeInt64: Decode = (value, context, owner) => {
  if (!Number.isInteger(value) || Math.abs(value as number) > 2 ** 63) throw context.mismatch(value, "int64", owner)
  return Math.max(-largestInt64, Math.min(largestInt64, value as number))
}

export const decodeNumber: Decode = (value, context, owner) => {
  if (!Number.isFinite(value)) throw context.mismatch(value, "float64", owner)
  return value
}

/** Standard base64 with padding; line ends are let pass and taken out. */
export const decodeBytes: Decode = (value, context, owner) => {
  if (typeof value !== "string") throw context.mismatch(value, "[]uint8", owner)
  const text = value.includes("\n") || value.includes("\r") ? value.replace(/[\r\n]/g, "") : value
  const stop = text.search(/[^A-Za-z0-9+/]/)
  const data = stop < 0 ? text.length : stop
  const padding = text.length - data
  const right = text.length % 4 === 0 && (padding === 0 || (padding <= 2 && /^=+$/.test(text.slice(data))))
  if (!right) {
    throw new DecodeError(`illegal base64 data at input byte ${padding > 0 ? data : text.length - (text.length % 4)}`)
  }
  return text
}

export const decodeQuantity: Decode = (value) => {
  if (typeof value === "string") return quantityText(value.trim())
  return quantityText(typeof value === "number" ? value : "")
}

function quantityText(value: string | number): string {
  try {
    return canonicalQuantity(value)
  } catch (error) {
    throw new DecodeError((error as Error).message)
  }
}

export const decodeIntOrString: Decode = (value, context) => {
  if (typeof value === "string") return value
  if (typeof value !== "number" || (value | 0) !== value) throw context.mismatch(value, "int32", undefined)
  return value
}

const timeOf =
  (format: (ms: number) => string, exact: RegExp, layout: string): Decode =>
  (value, context) => {
    if (typeof value !== "string") throw context.mismatch(value, "string", undefined)
    const ms = parseTime(value)
    if (ms === undefined) {
      const text = JSON.stringify(value)
      throw new DecodeError(`parsing time ${text} as "${layout}": cannot parse ${text} as "2006"`)
    }
    return exact.test(value) ? value : format(ms)
  }

export const decodeTime: Decode = timeOf(formatTime, /^.{19}Z$/, "2006-01-02T15:04:05Z07:00")
export const decodeMicroTime: Decode = timeOf(formatMicroTime, /^.{19}\.\d{6}Z$/, "2006-01-02T15:04:05.000000Z07:00")

/** Any JSON: kept as it is, but for keys that would harm, and bounded in depth and numbers. */
export const decodeAny: Decode = (value) => anyValue(value, 0)

function anyValue(value: unknown, depth: number): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new DecodeError("json: cannot unmarshal number into Go value of type float64")
  }
  if (typeof value !== "object" || value === null) return value
  if (depth > maxJsonDepth) throw new DecodeError("exceeded max depth")
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const after = anyValue(value[index], depth + 1)
      if (after !== value[index]) value[index] = after
    }
    return value
  }
  const object = value as Record<string, unknown>
  if (Object.hasOwn(object, "__proto__")) {
    return anyValue(Object.fromEntries(Object.entries(object).filter(([key]) => key !== "__proto__")), depth)
  }
  for (const key in object) {
    const field = object[key]
    if (typeof field !== "object" && typeof field !== "number") continue
    const after = anyValue(field, depth + 1)
    if (after !== field) object[key] = after
  }
  return object
}

/** An object of any content (RawExtension, managed fields). */
export const decodeAnyObject: Decode = (value, context, owner) => {
  if (typeof value !== "object" || Array.isArray(value)) throw context.mismatch(value, "map[string]interface {}", owner)
  return anyValue(value, 0)
}
