let lastSecond = Number.NaN
let lastText = ""

/** A time as the API writes it, to the second: `2024-05-06T07:08:09Z`. `ms` is since the epoch. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000)
  // Mostly it is asked for the present, many times a second.
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`
    lastSecond = second
  }
  return lastText
}

/** A MicroTime: `2024-05-06T07:08:09.123000Z`. `ms` is since the epoch; its fraction counts. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor(ms * 1000)
  const text = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 23)
  const rest = ((micros % 1000) + 1000) % 1000
  return `${text}${String(rest).padStart(3, "0")}Z`
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)([.,]\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** Milliseconds since the epoch of an RFC 3339 time, fraction included; undefined for what is none. */
export function parseTime(text: string | undefined): number | undefined {
  const match = text === undefined ? null : rfc3339.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const at = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const date = new Date(at)
  if (Number(year) < 100) date.setUTCFullYear(Number(year))
  // Date.UTC carries 31 February over to March; the API refuses it.
  const valid =
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60
  if (!valid) return undefined
  const part = fraction ? Number(`0.${fraction.slice(1)}`) * 1000 : 0
  return date.getTime() + part - zoneOffset(zone as string)
}

function zoneOffset(zone: string): number {
  if (zone === "Z" || zone === "z") return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000
}
