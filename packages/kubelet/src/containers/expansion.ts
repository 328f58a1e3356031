/**
 * Replaces `$(NAME)` by the variable's value. `$$` stands for one `$`, so `$$(NAME)` is left as `$(NAME)`; a name that
 * is not known is left as it was written.
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let result = ""
  let from = 0
  for (;;) {
    const dollar = text.indexOf("$", from)
    if (dollar < 0 || dollar === text.length - 1) return result + text.slice(from)
    result += text.slice(from, dollar)
    const next = text[dollar + 1]
    const end = next === "(" ? text.indexOf(")", dollar + 2) : -1
    if (next === "$") {
      result += "$"
      from = dollar + 2
    } else if (end >= 0) {
      const name = text.slice(dollar + 2, end)
      result += lookup(name) ?? `$(${name})`
      from = end + 1
    } else if (next === "(") {
      // No closing bracket: not a reference.
      result += "$("
      from = dollar + 2
    } else {
      result += `$${next}`
      from = dollar + 2
    }
  }
}

/** A lookup in a plain record, safe against names of Object's own properties. */
export function lookupIn(...records: Readonly<Record<string, string>>[]): (name: string) => string | undefined {
  return (name) => records.find((record) => Object.hasOwn(record, name))?.[name]
}
