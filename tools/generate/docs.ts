/**
 * Takes the descriptions of API types out of the installed @kubernetes/client-node, so that the OpenAPI documents and
 * `kubectl explain` have them. They are not part of this repository: set-up runs this after npm ci.
 * Writes packages/api/src/generated/docs.json: type name → field name → text; the type's own text is under "".
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Facts, splitTypeName } from "./facts.ts"

const root = join(import.meta.dirname, "../..")
const models = join(root, "node_modules/@kubernetes/client-node/dist/gen/models")
const generated = join(root, "packages/api/src/generated")

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** The client's class of a type: `V1Pod`, or `CoreV1Event` where several groups have one of that name. */
function modelFile(typeName: string): string | undefined {
  const { pkg, name } = splitTypeName(typeName)
  const [group = "", version = ""] = pkg.split(".").slice(-2)
  const names = [`${capital(group)}${capital(version)}${name}`, `${capital(version)}${name}`]
  return names.map((candidate) => join(models, `${candidate}.d.ts`)).find((path) => existsSync(path))
}

const documented = /\/\*\*\n((?:\s*\*(?!\/).*\n)+?)\s*\*\/\n\s*(?:export declare class|'([^']+)'\??:)/g

function textOf(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim()
    .replace(/\\(['"\\/])/g, "$1")
}

function descriptionsOf(path: string, fields: Readonly<Record<string, unknown>>): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [, comment = "", property] of readFileSync(path, "utf8").matchAll(documented)) {
    const text = textOf(comment)
    if (property === undefined) {
      if (text) result[""] = text
      continue
    }
    // The client puts an underscore before words that its language keeps to itself.
    const field = property in fields ? property : property.replace(/^_/, "")
    if (field in fields && text) result[field] = text
  }
  return result
}

if (!existsSync(models)) {
  console.error("docs: @kubernetes/client-node is not installed; kubectl explain will have no descriptions")
} else {
  const facts = JSON.parse(readFileSync(join(generated, "schema.json"), "utf8")) as Facts
  const docs: Record<string, Record<string, string>> = {}
  for (const [typeName, type] of Object.entries(facts)) {
    const path = modelFile(typeName)
    if (path) docs[typeName] = descriptionsOf(path, type.fields)
  }
  const target = join(generated, "docs.json")
  writeFileSync(`${target}.new`, JSON.stringify(docs))
  renameSync(`${target}.new`, target)
  console.log(`docs: ${Object.keys(docs).length} types described`)
}
