/** One field of a schedule: the values at which it fires. `any` remembers a star, which days of month and week need. */
interface CronField {
  readonly values: ReadonlySet<number>
  readonly any: boolean
}

/** A parsed schedule; `every` is set for `@every 90s` alone, in milliseconds. */
export interface CronSchedule {
  readonly everyMs?: number
  readonly minute: CronField
  readonly hour: CronField
  readonly dayOfMonth: CronField
  readonly month: CronField
  readonly dayOfWeek: CronField
}

/** The text is no schedule. */
export class CronError extends Error {
  override name = "CronError"
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

const shortcuts: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
}

function parseNumber(text: string, names: readonly string[], offset: number): number {
  const named = names.indexOf(text.toLowerCase())
  if (named >= 0) return named + offset
  if (!/^\d+$/.test(text))
    throw new CronError(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  return Number(text)
}

interface Bounds {
  min: number
  max: number
  names?: readonly string[]
}

function parseRange(text: string, { min, max, names = [] }: Bounds, into: Set<number>): boolean {
  const [range = "", stepText, ...rest] = text.split("/")
  if (rest.length > 0) throw new CronError(`too many slashes: ${text}`)
  const [startText = "", endText, ...more] = range.split("-")
  if (more.length > 0) throw new CronError(`too many hyphens: ${text}`)
  const any = startText === "*" || startText === "?"
  const start = any ? min : parseNumber(startText, names, min)
  let end = any ? max : start
  if (endText !== undefined) end = parseNumber(endText, names, min)
  const step = stepText === undefined ? 1 : parseNumber(stepText, [], 0)
  // `5/10` means from 5 on to the end.
  if (stepText !== undefined && endText === undefined) end = max
  if (start < min) throw new CronError(`beginning of range (${start}) below minimum (${min}): ${text}`)
  if (end > max) throw new CronError(`end of range (${end}) above maximum (${max}): ${text}`)
  if (start > end) throw new CronError(`beginning of range (${start}) beyond end of range (${end}): ${text}`)
  if (step === 0) throw new CronError(`step of range should be a positive number: ${text}`)
  for (let value = start; value <= end; value += step) into.add(value)
  return any && step === 1
}

function parseField(text: string, bounds: Bounds): CronField {
  const values = new Set<number>()
  let any = false
  for (const part of text.split(",")) if (part !== "" && parseRange(part, bounds, values)) any = true
  return { values, any }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function parseEvery(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) {
    throw new CronError(`failed to parse duration @every ${text}: time: invalid duration ${JSON.stringify(text)}`)
  }
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0), 0)
  return Math.max(Math.floor(ms / 1000) * 1000, 1000)
}

const always = parseField("*", { min: 0, max: 59 })

/** Parses `m h dom mon dow`, `@hourly` and the like, `@every 5m`. Throws a CronError. */
export function parseCron(text: string): CronSchedule {
  if (text.trim() === "") throw new CronError("empty spec string")
  if (text.startsWith("@every ")) {
    const everyMs = parseEvery(text.slice("@every ".length).trim())
    return { everyMs, minute: always, hour: always, dayOfMonth: always, month: always, dayOfWeek: always }
  }
  if (text.startsWith("@") && !Object.hasOwn(shortcuts, text)) throw new CronError(`unrecognized descriptor: ${text}`)
  const fields = (shortcuts[text] ?? text).trim().split(/\s+/)
  if (fields.length !== 5) {
    throw new CronError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`)
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields as [string, string, string, string, string]
  return {
    minute: parseField(minute, { min: 0, max: 59 }),
    hour: parseField(hour, { min: 0, max: 23 }),
    dayOfMonth: parseField(dayOfMonth, { min: 1, max: 31 }),
    month: parseField(month, { min: 1, max: 12, names: months }),
    dayOfWeek: parseField(dayOfWeek, { min: 0, max: 6, names: days }),
  }
}
