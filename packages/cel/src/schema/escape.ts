const reserved = new Set([
  "true",
  "false",
  "null",
  "in",
  "as",
  "break",
  "const",
  "continue",
  "else",
  "for",
  "function",
  "if",
  "import",
  "let",
  "loop",
  "package",
  "namespace",
  "return",
])

const escapes: Readonly<Record<string, string>> = {
  __: "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
}

/** The name by which expressions reach a property; undefined for a property that they cannot reach. */
export function escapedName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`
  if (!/^[A-Za-z_./-][\w./-]*$/.test(name)) return undefined
  return name.replace(/__|[./-]/g, (part) => escapes[part]!)
}

const unescapes: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(escapes).map(([part, written]) => [written, part]),
)

/** The name of the property that an expression names. */
export function unescapedName(name: string): string {
  const plain = /^__(\w+?)__$/.exec(name)?.[1]
  if (plain && reserved.has(plain)) return plain
  return name.replace(/__(?:underscores|dot|dash|slash)__/g, (written) => unescapes[written] ?? written)
}
