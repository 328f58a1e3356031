import { fieldError } from "../field-error.ts"
import { statusError } from "../status.ts"
import { isQualifiedName } from "../validation/names.ts"
import {
  errorsText,
  everythingSelector,
  newSelector,
  type Requirement,
  requirementErrors,
  type Selector,
  type SelectorOperator,
} from "./requirement.ts"

type TokenKind = "word" | "end" | "(" | ")" | "," | "!" | "=" | "==" | "!=" | ">" | "<" | "in" | "notin" | "error"

interface Token {
  kind: TokenKind
  text: string
}

const symbols = new Set(["(", ")", ",", "!", "=", "==", "!=", ">", "<"])
const special = "=!(),><"
const space = " \t\r\n"

/** Thrown inside the parser; leaves it as a 400. */
class SyntaxProblem extends Error {}

function tokens(text: string): Token[] {
  const found: Token[] = []
  let at = 0
  while (at < text.length) {
    const character = text[at] as string
    if (space.includes(character)) {
      at++
    } else if (special.includes(character)) {
      // The longest symbol wins: `!=` before `!`.
      const two = text.slice(at, at + 2)
      const symbol = symbols.has(two) ? two : character
      found.push({ kind: symbol as TokenKind, text: symbol })
      at += symbol.length
    } else {
      const start = at
      while (at < text.length && !special.includes(text[at] as string) && !space.includes(text[at] as string)) at++
      const word = text.slice(start, at)
      found.push({ kind: word === "in" || word === "notin" ? word : "word", text: word })
    }
  }
  found.push({ kind: "end", text: "" })
  return found
}

const operators: Partial<Record<TokenKind, SelectorOperator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
}

class Parser {
  readonly #tokens: Token[]
  #at = 0

  constructor(text: string) {
    this.#tokens = tokens(text)
  }

  // Where a value may stand, the words `in` and `notin` are ordinary ones.
  #peek(): Token {
    const token = this.#tokens[this.#at] as Token
    return token.kind === "in" || token.kind === "notin" ? { kind: "word", text: token.text } : token
  }

  #take(): Token {
    const token = this.#peek()
    if (token.kind !== "end") this.#at++
    return token
  }

  #takeOperator(): SelectorOperator {
    const token = this.#tokens[this.#at] as Token
    const operator = operators[token.kind]
    if (!operator) throw new SyntaxProblem(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`)
    this.#at++
    return operator
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind === "end") return requirements
      if (token.kind !== "word" && token.kind !== "!") {
        throw new SyntaxProblem(`found '${token.text}', expected: !, identifier, or 'end of string'`)
      }
      requirements.push(this.#requirement())
      const next = this.#take()
      if (next.kind === "end") return requirements
      if (next.kind !== ",") throw new SyntaxProblem(`found '${next.text}', expected: ',' or 'end of string'`)
      const after = this.#peek()
      if (after.kind !== "word" && after.kind !== "!") {
        throw new SyntaxProblem(`found '${after.text}', expected: identifier after ','`)
      }
    }
  }

  #requirement(): Requirement {
    try {
      const { key, operator, values } = this.#parts()
      const errors = requirementErrors(key, operator, values)
      if (errors.length > 0) throw new SyntaxProblem(errorsText(errors))
      return { key, operator, values }
    } catch (error) {
      if (error instanceof SyntaxProblem) throw new SyntaxProblem(`unable to parse requirement: ${error.message}`)
      throw error
    }
  }

  #parts(): { key: string; operator: SelectorOperator; values: string[] } {
    let token = this.#take()
    const negated = token.kind === "!"
    if (negated) token = this.#take()
    if (token.kind !== "word") throw new SyntaxProblem(`found '${token.text}', expected: identifier`)
    const key = token.text
    const wrong = isQualifiedName(key)
    if (wrong.length > 0) throw new SyntaxProblem(errorsText([fieldError.invalid("<nil>", key, wrong.join("; "))]))
    if (negated) return { key, operator: "!", values: [] }
    const next = this.#peek()
    if (next.kind === "end" || next.kind === ",") return { key, operator: "exists", values: [] }
    const operator = this.#takeOperator()
    const values = operator === "in" || operator === "notin" ? this.#set() : [this.#value()]
    return { key, operator, values }
  }

  #value(): string {
    const token = this.#peek()
    if (token.kind === "end" || token.kind === ",") return ""
    this.#take()
    if (token.kind === "word") return token.text
    throw new SyntaxProblem(`found '${token.text}', expected: identifier`)
  }

  /** `(a,b)`; an empty place between commas is the empty value. */
  #set(): string[] {
    const open = this.#take()
    if (open.kind !== "(") throw new SyntaxProblem(`found '${open.text}' expected: '('`)
    const values = new Set<string>()
    for (;;) {
      const token = this.#take()
      if (token.kind === "word") {
        values.add(token.text)
        const next = this.#take()
        if (next.kind === ")") return [...values]
        if (next.kind !== ",") throw new SyntaxProblem(`found '${next.text}', expected: ',' or ')'`)
        if (this.#peek().kind === ")") values.add("")
      } else if (token.kind === ",") values.add("")
      else if (token.kind === ")") {
        // `()` and `(,)`: the empty value alone.
        return [...values.add("")]
      } else throw new SyntaxProblem(`found '${token.text}', expected: ',', or identifier`)
    }
  }
}

const cache = new Map<string, Selector>()

/** Parses `a=b,c!=d,e in (x,y),!f`. Throws a 400 Status. The empty text matches everything. */
export function parseLabelSelector(text: string): Selector {
  if (text === "") return everythingSelector
  const known = cache.get(text)
  if (known) return known
  try {
    const selector = newSelector(new Parser(text).parse())
    if (cache.size >= 512) cache.clear()
    cache.set(text, selector)
    return selector
  } catch (error) {
    if (error instanceof SyntaxProblem) throw statusError.badRequest(error.message)
    throw error
  }
}
