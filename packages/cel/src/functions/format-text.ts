import { CelError } from "../runtime/errors.ts"
import {
  CelDuration,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  isMap,
  isObject,
  isTyped,
  typeNameOf,
} from "../runtime/values.ts"
import { durationText, timestampText } from "./time.ts"

const clause = /%(?:\.(\d+))?([sdfeboxX%])/g

/** Fills a format (`%s %d %.2f %x`) with arguments. */
export function formatText(format: string, args: readonly unknown[]): string {
  let used = 0
  const text = format.replace(/%(?!(?:\.\d+)?[sdfeboxX%]).?/g, (wrong) => {
    throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${wrong.slice(1)}"`)
  })
  const result = text.replace(clause, (_all, precision: string | undefined, verb: string) => {
    if (verb === "%") return "%"
    if (used >= args.length) throw new CelError(`index ${used} out of range`)
    return formatOne(verb, args[used++], precision === undefined ? 6 : Number(precision))
  })
  return result
}

function formatOne(verb: string, value: unknown, precision: number): string {
  const wrong = (): never => {
    throw new CelError(`error during formatting: %${verb} clause does not take ${typeNameOf(value)}`)
  }
  const whole = value instanceof CelUint ? value.value : value
  switch (verb) {
    case "s":
      return valueText(value)
    case "d":
      return typeof whole === "bigint"
        ? String(whole)
        : typeof whole === "number"
          ? (special(whole) ?? wrong())
          : wrong()
    case "f":
      return typeof value === "number" ? (special(value) ?? value.toFixed(precision)) : wrong()
    case "e":
      return typeof value === "number"
        ? (special(value) ?? value.toExponential(precision).replace(/e([+-])(\d)$/, "e$10$2"))
        : wrong()
    case "b":
      if (typeof value === "boolean") return value ? "1" : "0"
      return typeof whole === "bigint" ? whole.toString(2) : wrong()
    case "o":
      return typeof whole === "bigint" ? whole.toString(8) : wrong()
    default: {
      const hex =
        typeof whole === "bigint"
          ? whole.toString(16)
          : typeof value === "string"
            ? bytesHex(new TextEncoder().encode(value))
            : value instanceof Uint8Array
              ? bytesHex(value)
              : wrong()
      return verb === "X" ? hex.toUpperCase() : hex
    }
  }
}

const bytesHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN"
  if (Number.isFinite(value)) return undefined
  return value > 0 ? "Infinity" : "-Infinity"
}

/** The text of any value, as `%s` shows it. */
export function valueText(value: unknown): string {
  if (typeof value === "number") return special(value) ?? String(value)
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelTimestamp) return timestampText(value)
  if (value instanceof CelDuration) return durationText(value)
  if (value instanceof CelTypeValue) return value.name
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`
  if (isMap(value)) {
    const entries = [...value.keys()].map((key) => `${valueText(key)}: ${valueText(value.get(key))}`)
    return `{${entries.sort().join(", ")}}`
  }
  if (isObject(value)) return JSON.stringify(value.toJson())
  if (isTyped(value)) throw new CelError(`error during formatting: no text for ${typeNameOf(value)}`)
  return String(value)
}
