/**
 * The parser knows no messages (`Object{a: 1}`) and no optional elements (`[?a]`, `{?k: v}`). They are rewritten
 * into calls of these names, which no user can write, because they are reserved below.
 */
export const structCall = "ladya__struct"
export const optionalCall = "ladya__optional"

/** A rewritten source, and the place in the original of each place in it. */
export interface Rewritten {
  readonly text: string
  originalOf(offset: number): number
}

interface Token {
  readonly kind: "word" | "value" | "punct"
  readonly text: string
  readonly start: number
  readonly end: number
}

const tokenPattern =
  /\/\/[^\n]*|\s+|[rRbB]{0,2}(?:"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|[A-Za-z_]\w*|\d[\w.]*|[\s\S]/gy
const rawPattern = /[rR](?:"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*')/y

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let position = 0
  while (position < source.length) {
    rawPattern.lastIndex = position
    tokenPattern.lastIndex = position
    const text = (rawPattern.exec(source) ?? tokenPattern.exec(source))?.[0] ?? source.slice(position, position + 1)
    const end = position + text.length
    if (!/^(\s|\/\/)/.test(text)) {
      const kind = /^[rRbB]{0,2}["']./.test(text) || /^\d/.test(text) ? "value" : /^\w/.test(text) ? "word" : "punct"
      tokens.push({ kind, text, start: position, end })
    }
    position = end
  }
  return tokens
}

const keywords = new Set(["in", "true", "false", "null"])

/** Rewrites a source where that is needed; a source without such constructs is given back as it is. */
export function rewrite(source: string): Rewritten {
  if (!/\w\s*\{|[{[,]\s*\?/.test(source)) return { text: source, originalOf: (offset) => offset }
  const tokens = tokenize(source)
  const edits: { at: number; remove: number; insert: string }[] = []
  const open: ("struct" | "map" | "list" | "other")[] = []
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1]
    if (token.text === "{") {
      const isStruct = before?.kind === "word" && !keywords.has(before.text)
      open.push(isStruct ? "struct" : "map")
      if (isStruct) {
        let first = index - 1
        while (tokens[first - 1]?.text === "." && tokens[first - 2]?.kind === "word") first -= 2
        const begin = tokens[first]!.start
        const name = tokens
          .slice(first, index)
          .map((part) => part.text)
          .join("")
        edits.push({ at: begin, remove: token.end - begin, insert: `${structCall}("${name}",{` })
      }
    } else if (token.text === "[") {
      const isIndex = before !== undefined && (before.kind !== "punct" || /[)\]}]/.test(before.text))
      open.push(isIndex ? "other" : "list")
    } else if (token.text === "(") open.push("other")
    else if (token.text === "}") {
      if (open.pop() === "struct") edits.push({ at: token.end, remove: 0, insert: ")" })
    } else if (token.text === ")" || token.text === "]") open.pop()
    const inside = open.at(-1)
    const isElementStart = before && /^[{[,]$/.test(before.text) && token.text !== before.text
    if (!isElementStart || (inside !== "struct" && inside !== "map" && inside !== "list")) {
      if (!(before?.text === "{" && inside === "struct")) continue
    }
    if (token.text === "?") {
      const last = elementEnd(tokens, index + 1)
      edits.push({ at: token.start, remove: 1, insert: `${optionalCall}(` })
      const name = tokens[index + 1]
      if (inside === "struct" && name?.kind === "word" && tokens[index + 2]?.text === ":") quote(name)
      edits.push({ at: last, remove: 0, insert: ")" })
    } else if (inside === "struct" && token.kind === "word" && tokens[index + 1]?.text === ":") quote(token)
  }
  function quote(token: Token): void {
    edits.push({ at: token.start, remove: token.end - token.start, insert: `"${token.text}"` })
  }
  return applied(
    source,
    edits.sort((a, b) => a.at - b.at),
  )
}

/** Where the element that begins at a token ends: before the next `,`, `:` or closing bracket of its own level. */
function elementEnd(tokens: readonly Token[], from: number): number {
  let depth = 0
  let questions = 0
  for (let index = from; index < tokens.length; index++) {
    const { text } = tokens[index]!
    if (/^[([{]$/.test(text)) depth++
    else if (depth === 0 && (text === "," || /^[)\]}]$/.test(text) || (text === ":" && questions === 0))) {
      return tokens[index - 1]!.end
    } else if (/^[)\]}]$/.test(text)) depth--
    else if (depth === 0 && text === "?") questions++
    else if (depth === 0 && text === ":") questions--
  }
  return tokens.at(-1)?.end ?? 0
}

function applied(source: string, edits: readonly { at: number; remove: number; insert: string }[]): Rewritten {
  let text = ""
  let position = 0
  const marks: { from: number; original: number; fixed: boolean }[] = [{ from: 0, original: 0, fixed: false }]
  for (const edit of edits) {
    text += source.slice(position, edit.at)
    marks.push({ from: text.length, original: edit.at, fixed: true })
    text += edit.insert
    position = Math.max(position, edit.at + edit.remove)
    marks.push({ from: text.length, original: position, fixed: false })
  }
  text += source.slice(position)
  return {
    text,
    originalOf(offset) {
      const mark = marks.findLast((candidate) => candidate.from <= offset)!
      return mark.fixed ? mark.original : mark.original + offset - mark.from
    },
  }
}
