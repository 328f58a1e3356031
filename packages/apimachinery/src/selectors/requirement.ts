import { type FieldError, fieldError, fieldErrorText } from "../field-error.ts"
import { isLabelValue, isQualifiedName } from "../validation/names.ts"

/** As the string syntax spells them; `exists` and `!` stand alone. */
export type SelectorOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt"

/** One condition on one label. */
export interface Requirement {
  readonly key: string
  readonly operator: SelectorOperator
  /** Sorted, without repeats. */
  readonly values: readonly string[]
}

export type LabelMap = Readonly<Record<string, string>>

/** A compiled selector. */
export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Whether everything matches. */
  readonly everything: boolean
  /** Whether nothing ever does. */
  readonly nothing: boolean
  matches(labels: LabelMap | undefined): boolean
  /** The same text for the same meaning: requirements and values are sorted. It can be parsed again. */
  toString(): string
}

const integer = /^[+-]?\d{1,19}$/

/** What is wrong with a requirement, with paths below `path`. */
export function requirementErrors(
  key: string,
  operator: SelectorOperator,
  values: readonly string[],
  path = "",
): FieldError[] {
  const at = (name: string): string => (path ? `${path}.${name}` : name)
  const errors: FieldError[] = []
  const keyErrors = isQualifiedName(key)
  if (keyErrors.length > 0) errors.push(fieldError.invalid(at("key"), key, keyErrors.join("; ")))
  const wrongValues = (detail: string): void => {
    errors.push(fieldError.invalid(at("values"), [...values], detail))
  }
  if (operator === "in" || operator === "notin") {
    if (values.length === 0) wrongValues("for 'in', 'notin' operators, values set can't be empty")
  } else if (operator === "exists" || operator === "!") {
    if (values.length > 0) wrongValues("values set must be empty for exists and does not exist")
  } else if (operator === "gt" || operator === "lt") {
    if (values.length !== 1) wrongValues("for 'Gt', 'Lt' operators, exactly one value is required")
    for (const [index, value] of values.entries()) {
      if (integer.test(value)) continue
      errors.push(
        fieldError.invalid(
          `${at("values")}[${index}]`,
          value,
          "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
      )
    }
  } else if (values.length !== 1) wrongValues("exact-match compatibility requires one single value")
  for (const [index, value] of values.entries()) {
    const wrong = isLabelValue(value)
    if (wrong.length > 0) errors.push(fieldError.invalid(`${at("values")}[${index}][${key}]`, value, wrong.join("; ")))
  }
  return errors
}

/** The errors as one text, as the API joins them. */
export function errorsText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))]
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`
}

function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "exists":
      return key
    case "!":
      return `!${key}`
    case "in":
    case "notin":
      return `${key} ${operator} (${values.join(",")})`
    case "gt":
      return `${key}>${values[0]}`
    case "lt":
      return `${key}<${values[0]}`
    default:
      return `${key}${operator}${values[0]}`
  }
}

type Test = (labels: LabelMap) => boolean

function compare(key: string, value: string, wanted: (have: bigint, limit: bigint) => boolean): Test {
  const limit = BigInt(value)
  return (labels) => {
    const have = labels[key]
    return typeof have === "string" && integer.test(have) && wanted(BigInt(have), limit)
  }
}

// The labels of an object come from JSON: what is not a string of its own (`constructor`) is no label.
function compileTest({ key, operator, values }: Requirement): Test {
  const first = values[0] ?? ""
  switch (operator) {
    case "exists":
      return (labels) => typeof labels[key] === "string"
    case "!":
      return (labels) => typeof labels[key] !== "string"
    case "=":
    case "==":
      return (labels) => labels[key] === first
    case "!=":
      return (labels) => labels[key] !== first
    case "in": {
      if (values.length === 1) return (labels) => labels[key] === first
      const set = new Set<unknown>(values)
      return (labels) => set.has(labels[key])
    }
    case "notin": {
      const set = new Set<unknown>(values)
      return (labels) => !set.has(labels[key])
    }
    case "gt":
      return compare(key, first, (have, limit) => have > limit)
    case "lt":
      return compare(key, first, (have, limit) => have < limit)
  }
}

const noLabels: LabelMap = {}
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

class CompiledSelector implements Selector {
  readonly requirements: readonly Requirement[]
  readonly nothing = false
  readonly #tests: readonly Test[]
  readonly #text: string

  constructor(requirements: readonly Requirement[]) {
    const texts = new Map(requirements.map((requirement) => [requirement, requirementText(requirement)]))
    this.requirements = [...requirements].sort(
      (a, b) => order(a.key, b.key) || order(texts.get(a) ?? "", texts.get(b) ?? ""),
    )
    this.#tests = this.requirements.map(compileTest)
    this.#text = this.requirements.map((requirement) => texts.get(requirement)).join(",")
  }

  get everything(): boolean {
    return this.#tests.length === 0
  }

  matches(labels: LabelMap | undefined): boolean {
    for (const test of this.#tests) if (!test(labels ?? noLabels)) return false
    return true
  }

  toString(): string {
    return this.#text
  }
}

/** Compiles requirements that were checked before. */
export function newSelector(requirements: readonly Requirement[]): Selector {
  return new CompiledSelector(
    requirements.map((requirement) => ({ ...requirement, values: [...new Set(requirement.values)].sort(order) })),
  )
}

/** Matches everything. */
export const everythingSelector: Selector = newSelector([])

/** Matches nothing: what an absent LabelSelector means. */
export const nothingSelector: Selector = {
  requirements: [],
  everything: false,
  nothing: true,
  matches: () => false,
  toString: () => "",
}
