import { newWallClock } from "@ladya/apimachinery"
import { CelError } from "../runtime/errors.ts"
import { CelDuration, CelTimestamp } from "../runtime/values.ts"
import { define, type Overload } from "./overload.ts"

const second = 1_000_000_000n
const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  ms: 1_000_000n,
  s: second,
  m: 60n * second,
  h: 3600n * second,
}

/** A duration as `1h30m`, `-1.5s`; undefined when the text is none. */
export function parseDuration(text: string): CelDuration | undefined {
  const match = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0)$/.exec(text)
  if (!match) return undefined
  let nanos = 0n
  for (const [, number = "", unit = ""] of (match[2] ?? "").matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    const [whole = "", fraction = ""] = number.split(".")
    const scale = units[unit]!
    nanos += BigInt(whole || "0") * scale
    if (fraction) nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length)
  }
  return new CelDuration(match[1] === "-" ? -nanos : nanos)
}

/** A time as RFC 3339 writes it; undefined when the text is none. */
export function parseTimestamp(text: string): CelTimestamp | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|z|[+-]\d\d:\d\d)$/.exec(text)
  if (!match) return undefined
  const [, date = "", time = "", fraction = "", zone = ""] = match
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`)
  if (Number.isNaN(ms) || !isRealDate(date)) return undefined
  return new CelTimestamp(BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0")))
}

/** A date (`2024-01-31`) as the time it begins in UTC. */
export function parseDate(text: string): CelTimestamp | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || !isRealDate(text)) return undefined
  return new CelTimestamp(BigInt(Date.parse(`${text}T00:00:00Z`)) * 1_000_000n)
}

function isRealDate(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

const floorDivide = (value: bigint, by: bigint): bigint => {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

const fractionText = (nanos: bigint): string =>
  nanos === 0n ? "" : `.${nanos.toString().padStart(9, "0").replace(/0+$/, "")}`

export function timestampText({ nanos }: CelTimestamp): string {
  const seconds = floorDivide(nanos, second)
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19)
  return `${text}${fractionText(nanos - seconds * second)}Z`
}

export function durationText({ nanos }: CelDuration): string {
  const magnitude = nanos < 0n ? -nanos : nanos
  return `${nanos < 0n ? "-" : ""}${magnitude / second}${fractionText(magnitude % second)}s`
}

/** The fields of a time in a zone: a name of the tz database, or an offset as `+02:00`. */
function localDate({ nanos }: CelTimestamp, zone: string | undefined): Date {
  const ms = Number(floorDivide(nanos, 1_000_000n))
  if (!zone || zone === "UTC") return new Date(ms)
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone)
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3])
    return new Date(ms + (offset[1] === "-" ? -minutes : minutes) * 60_000)
  }
  try {
    return new Date(newWallClock(zone)(ms) + (((ms % 1000) + 1000) % 1000))
  } catch {
    throw new CelError(`unknown time zone ${zone}`)
  }
}

const dayOfYear = (date: Date): number =>
  (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) /
  86_400_000

const fields: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: dayOfYear,
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
}

const ofDuration: Readonly<Record<string, (nanos: bigint) => bigint>> = {
  getHours: (nanos) => nanos / (3600n * second),
  getMinutes: (nanos) => nanos / (60n * second),
  getSeconds: (nanos) => nanos / second,
  getMilliseconds: (nanos) => (nanos % second) / 1_000_000n,
}

/** The parts of times and durations. */
export const timeFunctions: readonly Overload[] = [
  ...Object.entries(fields).flatMap(([name, field]) => [
    define(`timestamp:${name}(): int`, (time: CelTimestamp) => BigInt(field(localDate(time, undefined)))),
    define(`timestamp:${name}(string): int`, (time: CelTimestamp, zone: string) =>
      BigInt(field(localDate(time, zone))),
    ),
  ]),
  ...Object.entries(ofDuration).map(([name, field]) =>
    define(`duration:${name}(): int`, (duration: CelDuration) => field(duration.nanos)),
  ),
]
