import { sharedSetText } from "../managed-fields/shared-sets.ts"
import { parseTime } from "../objects/time.ts"
import type { ProtobufWriter } from "./writer.ts"

/** Writes the fields of a message, without its length. The value is not null. */
export type WriteMessage = (writer: ProtobufWriter, value: unknown) => void

/** JSON kept as bytes in field 1. */
const rawJson: WriteMessage = (writer, value) => {
  writer.string(JSON.stringify(value) ?? "null")
  writer.tag(0x0a)
}

const fieldSet: WriteMessage = (writer, value) => {
  writer.string(sharedSetText(value as object))
  writer.tag(0x0a)
}

/** The digits at `at` as a number; NaN when one is none. */
function digits(text: string, at: number, count: number): number {
  let value = 0
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9) return Number.NaN
    value = 10 * value + digit
  }
  return value
}

/** Days since the epoch of a date of the Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146097 + dayOfEra - 719468
}

/** Seconds since the epoch of `2024-05-06T07:08:09Z`, the form in which nearly all times are kept; NaN for any other. */
function plainSeconds(text: string): number {
  if (text.length !== 20 || text.charCodeAt(19) !== 90) return Number.NaN
  const days = daysSinceEpoch(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2))
  return days * 86400 + digits(text, 11, 2) * 3600 + digits(text, 14, 2) * 60 + digits(text, 17, 2)
}

const writeSeconds = (writer: ProtobufWriter, seconds: number): void => {
  writer.integer(seconds)
  writer.tag(0x08)
}

/** To the second: upstream's form has no more either. */
const time: WriteMessage = (writer, value) => {
  const text = String(value)
  const plain = plainSeconds(text)
  if (!Number.isNaN(plain)) writeSeconds(writer, plain)
  else {
    const ms = parseTime(text)
    if (ms !== undefined) writeSeconds(writer, Math.floor(ms / 1000))
  }
}

const microTime: WriteMessage = (writer, value) => {
  const text = String(value)
  // A number cannot hold today's milliseconds to the microsecond: the fraction is read apart.
  const fraction = /[.,](\d{1,6})/.exec(text)
  const ms = parseTime(fraction ? text.replace(/[.,]\d+/, "") : text)
  if (ms === undefined) return
  if (fraction) {
    writer.integer(Number((fraction[1] as string).padEnd(6, "0")) * 1000)
    writer.tag(0x10)
  }
  writeSeconds(writer, ms / 1000)
}

const quantity: WriteMessage = (writer, value) => {
  writer.string(String(value))
  writer.tag(0x0a)
}

const intOrString: WriteMessage = (writer, value) => {
  if (typeof value === "string") {
    writer.string(value)
    writer.tag(0x1a)
    writer.integer(1)
  } else {
    writer.integer(Number(value))
    writer.tag(0x10)
    writer.integer(0)
  }
  writer.tag(0x08)
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

/** Types whose JSON is not an object of their fields. */
export const specialWriters: Readonly<Record<string, WriteMessage>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": quantity,
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": intOrString,
  "io.k8s.apimachinery.pkg.runtime.RawExtension": rawJson,
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": rawJson,
  [`${meta}FieldsV1`]: fieldSet,
  [`${meta}Time`]: time,
  [`${meta}MicroTime`]: microTime,
}
