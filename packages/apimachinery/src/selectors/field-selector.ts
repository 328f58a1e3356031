import { statusError } from "../status.ts"

/** One condition on one field. */
export interface FieldRequirement {
  readonly field: string
  readonly operator: "=" | "!="
  readonly value: string
}

/** A compiled field selector: `metadata.name=x,status.phase!=Running`. */
export interface FieldSelector {
  readonly requirements: readonly FieldRequirement[]
  readonly everything: boolean
  /** An absent field counts as the empty text. */
  matches(fields: Readonly<Record<string, string>>): boolean
  /** The value that a field must equal for anything to match; undefined when it is free. */
  required(field: string): string | undefined
  /** The same text for the same meaning; it can be parsed again. */
  toString(): string
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", ",": "\\,", "=": "\\=" }

/** Escapes `\`, `,` and `=` in a value. */
export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => escapes[character] as string)
}

function unescaped(value: string): string {
  let result = ""
  for (let index = 0; index < value.length; index++) {
    const character = value[index] as string
    if (character === "\\") {
      const next = value[++index]
      if (next === undefined || !Object.hasOwn(escapes, next)) {
        throw statusError.badRequest(
          `invalid field selector: invalid escape sequence: ${JSON.stringify(`\\${next ?? ""}`)}`,
        )
      }
      result += next
    } else if (character === "," || character === "=") {
      throw statusError.badRequest(`invalid field selector: unescaped character in value: '${character}'`)
    } else result += character
  }
  return result
}

function terms(text: string): string[] {
  const found: string[] = []
  let start = 0
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "\\") index++
    else if (text[index] === ",") {
      found.push(text.slice(start, index))
      start = index + 1
    }
  }
  found.push(text.slice(start))
  return found.filter((term) => term !== "")
}

function requirementOf(term: string, text: string): FieldRequirement {
  const at = /!=|==?/.exec(term)
  if (!at) throw statusError.badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
  const field = term.slice(0, at.index)
  return {
    field,
    operator: at[0] === "!=" ? "!=" : "=",
    value: unescaped(term.slice(at.index + at[0].length)),
  }
}

class CompiledFieldSelector implements FieldSelector {
  readonly requirements: readonly FieldRequirement[]

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements
  }

  get everything(): boolean {
    return this.requirements.length === 0
  }

  matches(fields: Readonly<Record<string, string>>): boolean {
    for (const { field, operator, value } of this.requirements) {
      const have = Object.hasOwn(fields, field) ? fields[field] : ""
      if ((have === value) !== (operator === "=")) return false
    }
    return true
  }

  required(field: string): string | undefined {
    return this.requirements.find((entry) => entry.field === field && entry.operator === "=")?.value
  }

  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
      .join(",")
  }
}

/** Matches everything. */
export const everythingFieldSelector: FieldSelector = new CompiledFieldSelector([])

/**
 * Parses a field selector. Throws a 400 Status. Which fields a kind knows is for the caller to check; `rename` gives
 * each field the name it is to be known by.
 */
export function parseFieldSelector(text: string, rename?: (field: string) => string): FieldSelector {
  if (text === "") return everythingFieldSelector
  const requirements = terms(text).map((term) => {
    const requirement = requirementOf(term, text)
    return rename ? { ...requirement, field: rename(requirement.field) } : requirement
  })
  const textOf = (entry: FieldRequirement): string => `${entry.field}${entry.operator}${entry.value}`
  return new CompiledFieldSelector(
    requirements.sort((a, b) => (textOf(a) < textOf(b) ? -1 : textOf(a) > textOf(b) ? 1 : 0)),
  )
}
