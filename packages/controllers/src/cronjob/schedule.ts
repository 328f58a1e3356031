import { newZone } from "./zone.ts"

interface Field {
  name: string
  min: number
  max: number
  words: readonly string[]
}

const fields: readonly Field[] = [
  { name: "minute", min: 0, max: 59, words: [] },
  { name: "hour", min: 0, max: 23, words: [] },
  { name: "day of month", min: 1, max: 31, words: [] },
  {
    name: "month",
    min: 1,
    max: 12,
    words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", min: 0, max: 6, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
]

const macros: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
}

/** When something is due again and again. */
export interface Schedule {
  /** The first time after `afterMs` (milliseconds since the epoch); undefined when there is none within five years. */
  next(afterMs: number): number | undefined
}

/** Reads a cron expression of five fields, a macro or `@every 1h30m`. Throws an Error that says what is wrong. */
export function parseSchedule(text: string, timeZone?: string): Schedule {
  const trimmed = text.trim()
  if (trimmed.startsWith("@every ")) return everySchedule(trimmed.slice("@every ".length))
  if (trimmed.startsWith("@") && !macros[trimmed]) throw new Error(`unrecognized descriptor: ${text}`)
  const parts = (macros[trimmed] ?? trimmed).split(/\s+/)
  if (parts.length !== 5) throw new Error(`expected exactly 5 fields, found ${parts.length}: ${JSON.stringify(text)}`)
  const sets = parts.map((part, index) => parseField(part, fields[index] as Field))
  return new CronSchedule(sets as [Values, Values, Values, Values, Values], newZone(timeZone ?? "UTC"))
}

interface Values {
  allowed: ReadonlySet<number>
  /** Written with a star: says nothing about days. */
  isStar: boolean
}

function parseField(text: string, field: Field): Values {
  const allowed = new Set<number>()
  let isStar = false
  for (const part of text.split(",")) {
    const [range = "", stepText, ...rest] = part.split("/")
    if (rest.length > 0) throw new Error(`too many slashes: ${JSON.stringify(part)}`)
    const step = stepText === undefined ? 1 : number(stepText, field, [])
    if (step === 0) throw new Error(`step of range should be a positive number: ${JSON.stringify(part)}`)
    let first: number
    let last: number
    if (range === "*" || range === "?") {
      first = field.min
      last = field.max
      if (step === 1) isStar = true
    } else {
      const [from = "", to, ...more] = range.split("-")
      if (more.length > 0) throw new Error(`too many hyphens: ${JSON.stringify(part)}`)
      first = number(from, field, field.words)
      last = to === undefined ? (stepText === undefined ? first : field.max) : number(to, field, field.words)
    }
    // Sunday may be written as 7.
    if (field.name === "day of week" && last === 7) {
      allowed.add(0)
      if (first === 7) continue
      last = 6
    }
    if (first < field.min || last > field.max) {
      throw new Error(`${field.name} is out of range (${field.min}-${field.max}): ${JSON.stringify(part)}`)
    }
    if (first > last) throw new Error(`beginning of range is beyond its end: ${JSON.stringify(part)}`)
    for (let value = first; value <= last; value += step) allowed.add(value)
  }
  return { allowed, isStar }
}

function number(text: string, field: Field, words: readonly string[]): number {
  const word = words.indexOf(text.toLowerCase())
  if (word >= 0) return word + field.min
  if (!/^\d+$/.test(text)) throw new Error(`failed to parse ${field.name}: ${JSON.stringify(text)}`)
  return Number(text)
}

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000

class CronSchedule implements Schedule {
  readonly #minutes: Values
  readonly #hours: Values
  readonly #days: Values
  readonly #months: Values
  readonly #weekdays: Values
  readonly #zone: ReturnType<typeof newZone>

  constructor(sets: [Values, Values, Values, Values, Values], zone: ReturnType<typeof newZone>) {
    ;[this.#minutes, this.#hours, this.#days, this.#months, this.#weekdays] = sets
    this.#zone = zone
  }

  next(afterMs: number): number | undefined {
    // The clock on the wall, as if it were UTC: calendars are easy there.
    let wall = Math.floor(this.#zone.wallOf(afterMs) / minuteMs) * minuteMs + minuteMs
    const end = wall + 5 * 366 * dayMs
    while (wall < end) {
      const date = new Date(wall)
      if (!this.#months.allowed.has(date.getUTCMonth() + 1)) {
        wall = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
      } else if (!this.#isDay(date)) wall = Math.floor(wall / dayMs) * dayMs + dayMs
      else if (!this.#hours.allowed.has(date.getUTCHours())) wall = Math.floor(wall / hourMs) * hourMs + hourMs
      else if (!this.#minutes.allowed.has(date.getUTCMinutes())) wall += minuteMs
      else {
        const at = this.#zone.timeOf(wall, afterMs)
        if (at !== undefined) return at
        // A time that the change to summer time leaves out.
        wall += minuteMs
      }
    }
    return undefined
  }

  /** When both days of month and of week are restricted, either will do. */
  #isDay(date: Date): boolean {
    const ofMonth = this.#days.allowed.has(date.getUTCDate())
    const ofWeek = this.#weekdays.allowed.has(date.getUTCDay())
    return this.#days.isStar || this.#weekdays.isStar ? ofMonth && ofWeek : ofMonth || ofWeek
  }
}

const units: Readonly<Record<string, number>> = { h: hourMs, m: minuteMs, s: 1000 }

function everySchedule(text: string): Schedule {
  if (!/^(\d+(\.\d+)?[hms])+$/.test(text)) throw new Error(`failed to parse duration @every ${text}`)
  let every = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)) {
    every += Number(amount) * (units[unit as string] as number)
  }
  every = Math.max(Math.floor(every / 1000) * 1000, 1000)
  return { next: (afterMs) => Math.floor((afterMs + every) / 1000) * 1000 }
}
