import type { KubeObject } from "@ladya/apimachinery"

/** What is wrong with a scenario, field by field. */
export class ScenarioError extends Error {
  override name = "ScenarioError"
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the scenario is not right:\n  ${problems.join("\n  ")}`)
    this.problems = problems
  }
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `1h30m`, `90s`, `250ms` in milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return undefined
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0), 0)
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Reads the fields of one map, and gathers what is wrong with them in a list that all below share. */
export class Fields {
  readonly value: unknown
  readonly path: string
  readonly errors: string[]
  readonly #map: Record<string, unknown>

  constructor(value: unknown, path: string, errors: string[]) {
    this.value = value ?? {}
    this.path = path
    this.errors = errors
    this.#map = isMap(this.value) ? this.value : {}
    if (!isMap(this.value)) this.wrong("", "is to be a map")
  }

  wrong(field: string, problem: string): void {
    const path = [this.path, field].filter(Boolean).join(".") || "scenario"
    this.errors.push(`${path}: ${problem}`)
  }

  has(field: string): boolean {
    return this.#map[field] !== undefined
  }

  unknown(known: readonly string[]): void {
    for (const field of Object.keys(this.#map)) {
      if (!known.includes(field)) this.wrong(field, `unknown; there are ${known.join(", ")}`)
    }
  }

  child(field: string): Fields {
    return new Fields(this.#map[field], [this.path, field].filter(Boolean).join("."), this.errors)
  }

  list(field: string): Fields[] {
    const value = this.#map[field] ?? []
    if (Array.isArray(value)) {
      return value.map(
        (item, index) => new Fields(item, `${[this.path, field].filter(Boolean).join(".")}[${index}]`, this.errors),
      )
    }
    this.wrong(field, "is to be a list")
    return []
  }

  text(field: string, otherwise: string): string {
    const value = this.#map[field] ?? otherwise
    if (typeof value === "string") return value
    this.wrong(field, "is to be a text")
    return otherwise
  }

  needed(field: string): string {
    if (!this.has(field)) this.wrong(field, "is needed")
    return this.text(field, "")
  }

  count(field: string, otherwise: number): number {
    const value = this.#map[field] ?? otherwise
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value
    this.wrong(field, "is to be a whole number, not below 0")
    return otherwise
  }

  share(field: string, otherwise: number): number {
    const value = this.#map[field] ?? otherwise
    if (typeof value === "number" && value >= 0 && value <= 1) return value
    this.wrong(field, "is to be a number from 0 to 1")
    return otherwise
  }

  duration(field: string, otherwise: number): number {
    return this.#duration(field, this.#map[field]) ?? otherwise
  }

  range(field: string, otherwise: readonly [number, number]): readonly [number, number] {
    const value = this.#map[field]
    if (!Array.isArray(value)) {
      const both = this.#duration(field, value)
      return both === undefined ? otherwise : [both, both]
    }
    const [from, to] = value.map((part) => this.#duration(field, part))
    if (value.length === 2 && from !== undefined && to !== undefined && from <= to) return [from, to]
    this.wrong(field, "is to be two times, the shorter first, as in [1s, 5s]")
    return otherwise
  }

  strings(field: string): string[] {
    const value = this.#map[field] ?? []
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value
    this.wrong(field, "is to be a list of texts")
    return []
  }

  texts(field: string): Record<string, string> {
    const value = this.#map[field] ?? {}
    if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]))
    this.wrong(field, "is to be a map of texts")
    return {}
  }

  /** The value as an API object. */
  object(): KubeObject {
    const { apiVersion, kind, metadata } = this.#map
    if (typeof apiVersion !== "string" || typeof kind !== "string") this.wrong("", "needs apiVersion and kind")
    if (!isMap(metadata) || typeof metadata["name"] !== "string") this.wrong("metadata.name", "is needed")
    return this.value as KubeObject
  }

  #duration(field: string, value: unknown): number | undefined {
    if (value === undefined) return undefined
    const parsed = value === 0 ? 0 : typeof value === "string" ? parseDuration(value) : undefined
    if (parsed === undefined) this.wrong(field, "is to be a time, as in 90s or 1h30m")
    return parsed
  }
}

export function fieldsOf(value: unknown, path: string): Fields {
  return new Fields(value, path, [])
}
