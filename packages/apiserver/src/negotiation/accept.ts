/** One alternative of an `Accept` header. */
export interface MediaRange {
  /** In lower case: `application/json`, `application/*`. */
  readonly type: string
  /** Names in lower case, values as sent; `q` is not among them. */
  readonly parameters: Readonly<Record<string, string>>
  readonly quality: number
}

/** How exactly a range says what it takes. */
const exactness = ({ type }: MediaRange): number => (type === "*/*" ? 0 : type.endsWith("/*") ? 1 : 2)

/**
 * The alternatives of an `Accept` header, the most wanted first, and of these the most exact; refused ones (q=0) left out.
 * An empty header takes anything.
 */
export function parseAccept(header: string | undefined): MediaRange[] {
  const text = header?.trim() ? header : "*/*"
  const found = text.split(",").flatMap((part) => {
    const [type = "", ...rest] = part.split(";").map((piece) => piece.trim())
    if (!type) return []
    const parameters: Record<string, string> = {}
    let quality = 1
    for (const piece of rest) {
      const equals = piece.indexOf("=")
      if (equals < 1) continue
      const name = piece.slice(0, equals).trim().toLowerCase()
      const value = piece
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, "$1")
      if (name === "q") quality = Number.isFinite(Number(value)) ? Number(value) : 0
      else parameters[name] = value
    }
    return [{ type: type.toLowerCase(), parameters, quality }]
  })
  return found.filter((range) => range.quality > 0).sort((a, b) => b.quality - a.quality || exactness(b) - exactness(a))
}

/** Whether a range takes a media type (given without parameters). */
export function takes(range: MediaRange, mediaType: string): boolean {
  if (range.type === mediaType || range.type === "*/*") return true
  return range.type.endsWith("/*") && mediaType.startsWith(range.type.slice(0, -1))
}

/** The first of the offered media types that the client takes most gladly; undefined when it takes none. */
export function chooseMediaType(header: string | undefined, offered: readonly string[]): string | undefined {
  for (const range of parseAccept(header)) {
    const found = offered.find((type) => takes(range, type))
    if (found) return found
  }
  return undefined
}
