import { LineCounter, parseDocument } from "yaml"

/** A YAML document, read as the API reads it: of a key that is there twice, the last counts. */
export interface YamlValue {
  readonly value: unknown
  /** What a strict reader says of keys that are there twice, in the words of the API; undefined when none is. */
  readonly duplicates: string | undefined
}

/** Throws an Error for what is no YAML. */
export function readYaml(text: string): YamlValue {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    version: "1.1",
    schema: "yaml-1.1",
    merge: true,
    uniqueKeys: true,
    prettyErrors: false,
    lineCounter,
  })
  const lines: string[] = []
  for (const error of document.errors) {
    if (error.code !== "DUPLICATE_KEY") throw new Error(error.message)
    const key = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s:,}]+)/.exec(text.slice(error.pos[0]))?.[0] ?? ""
    const name = key.replace(/^(["'])(.*)\1$/, "$2")
    lines.push(`  line ${lineCounter.linePos(error.pos[0]).line}: key ${JSON.stringify(name)} already set in map`)
  }
  document.errors.length = 0
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  return { value, duplicates: lines.length > 0 ? `yaml: unmarshal errors:\n${lines.join("\n")}` : undefined }
}
