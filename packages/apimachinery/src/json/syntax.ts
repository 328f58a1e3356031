/** How deep JSON may nest. Far more than any API type needs; little enough for every walk to recurse. */
export const maxJsonDepth = 500

const quoteCharacter = (character: string): string => {
  if (character === "'") return "'\\''"
  if (character === '"') return `'"'`
  return `'${JSON.stringify(character).slice(1, -1)}'`
}

class Found extends Error {}

const isSpace = (character: string | undefined): boolean =>
  character === " " || character === "\n" || character === "\t" || character === "\r"
const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= "0" && character <= "9"

export type JsonPath = readonly (string | number)[]

/**
 * Walks over the text of a JSON value without making it: to tell what is wrong with it in the API's words, and where keys repeat.
 * Slow next to JSON.parse, so it runs only when something is known to be amiss.
 */
class Scanner {
  readonly #text: string
  #at = 0
  readonly duplicates: JsonPath[] = []
  readonly #path: (string | number)[] = []

  constructor(text: string) {
    this.#text = text
  }

  whole(): void {
    this.#value(0)
    this.#space()
    if (this.#at < this.#text.length) this.#fail("after top-level value")
  }

  #fail(context: string): never {
    const character = this.#text.codePointAt(this.#at)
    if (character === undefined) throw new Found("unexpected end of JSON input")
    throw new Found(`invalid character ${quoteCharacter(String.fromCodePoint(character))} ${context}`)
  }

  #space(): void {
    while (isSpace(this.#text[this.#at])) this.#at++
  }

  #value(depth: number): void {
    if (depth > maxJsonDepth) throw new Found("exceeded max depth")
    this.#space()
    const character = this.#text[this.#at]
    if (character === "{") this.#object(depth)
    else if (character === "[") this.#array(depth)
    else if (character === '"') this.#string()
    else if (character === "-" || isDigit(character)) this.#number()
    else if (character === "t") this.#literal("true")
    else if (character === "f") this.#literal("false")
    else if (character === "n") this.#literal("null")
    else this.#fail("looking for beginning of value")
  }

  #object(depth: number): void {
    const seen = new Set<string>()
    this.#at++
    this.#space()
    if (this.#text[this.#at] === "}") {
      this.#at++
      return
    }
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string")
      const key = this.#string()
      if (seen.has(key)) this.duplicates.push([...this.#path, key])
      seen.add(key)
      this.#space()
      if (this.#text[this.#at] !== ":") this.#fail("after object key")
      this.#at++
      this.#path.push(key)
      this.#value(depth + 1)
      this.#path.pop()
      this.#space()
      const next = this.#text[this.#at]
      if (next !== "," && next !== "}") this.#fail("after object key:value pair")
      this.#at++
      if (next === "}") return
    }
  }

  #array(depth: number): void {
    this.#at++
    this.#space()
    if (this.#text[this.#at] === "]") {
      this.#at++
      return
    }
    for (let index = 0; ; index++) {
      this.#path.push(index)
      this.#value(depth + 1)
      this.#path.pop()
      this.#space()
      const next = this.#text[this.#at]
      if (next !== "," && next !== "]") this.#fail("after array element")
      this.#at++
      if (next === "]") return
    }
  }

  #string(): string {
    const start = this.#at++
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (Number.isNaN(code) || code < 0x20) this.#fail("in string literal")
      if (code === 0x22) break
      this.#at++
      if (code === 0x5c) this.#escape()
    }
    this.#at++
    return JSON.parse(this.#text.slice(start, this.#at)) as string
  }

  #escape(): void {
    const character = this.#text[this.#at]
    if (character === undefined || !'"\\/bfnrtu'.includes(character)) this.#fail("in string escape code")
    this.#at++
    if (character !== "u") return
    for (let count = 0; count < 4; count++) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape")
      this.#at++
    }
  }

  #digits(context: string): void {
    if (!isDigit(this.#text[this.#at])) this.#fail(context)
    while (isDigit(this.#text[this.#at])) this.#at++
  }

  #number(): void {
    if (this.#text[this.#at] === "-") this.#at++
    if (this.#text[this.#at] === "0") this.#at++
    else this.#digits("in numeric literal")
    if (this.#text[this.#at] === ".") {
      this.#at++
      this.#digits("after decimal point in numeric literal")
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++
      this.#digits("in exponent of numeric literal")
    }
  }

  #literal(word: string): void {
    for (const character of word) {
      if (this.#text[this.#at] !== character) this.#fail(`in literal ${word} (expecting '${character}')`)
      this.#at++
    }
  }
}

/** What is wrong with a JSON text, as the API words it; undefined when it is JSON. */
export function jsonSyntaxError(text: string): string | undefined {
  try {
    new Scanner(text).whole()
    return undefined
  } catch (error) {
    if (error instanceof Found) return error.message
    throw error
  }
}

function countKeysOfText(text: string): number {
  let count = 0
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    // To the end of the string: a quote behind an even number of backslashes.
    for (;;) {
      at = text.indexOf('"', at + 1)
      if (at < 0) return count
      let slashes = 0
      while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++
      if (slashes % 2 === 0) break
    }
    let next = at + 1
    while (isSpace(text[next])) next++
    if (text.charCodeAt(next) === 0x3a) count++
  }
  return count
}

function countKeysOfValue(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0
  let count = 0
  if (Array.isArray(value)) for (const item of value) count += countKeysOfValue(item)
  else {
    for (const key in value) count += 1 + countKeysOfValue((value as Record<string, unknown>)[key])
  }
  return count
}

/** Paths of keys that stand twice in one object. `value` is what JSON.parse made of the text. */
export function duplicateKeys(text: string, value: unknown): JsonPath[] {
  // Counting is many times faster than looking, and nearly always enough.
  if (countKeysOfText(text) === countKeysOfValue(value)) return []
  const scanner = new Scanner(text)
  scanner.whole()
  return scanner.duplicates
}
