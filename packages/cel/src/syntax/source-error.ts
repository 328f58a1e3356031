/** One thing wrong with an expression, at a place of its source (UTF-16 offset). */
export interface Issue {
  readonly offset: number
  readonly message: string
}

/** The text of issues as compilers of the language print them: place, message, the line and an arrow under the place. */
export function issuesText(source: string, issues: readonly Issue[]): string {
  return issues.map((issue) => issueText(source, issue)).join("\n")
}

function issueText(source: string, { offset, message }: Issue): string {
  const before = source.slice(0, offset)
  const line = before.split("\n").length
  const column = [...before.slice(before.lastIndexOf("\n") + 1)].length
  const text = (source.split("\n")[line - 1] ?? "").replaceAll("\t", " ")
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${".".repeat(column)}^`
}
