import { parseAllDocuments } from "yaml"
import { ScenarioError } from "./fields.ts"

/** The scenario; further documents of the same text are objects of it. Throws ScenarioError with the line. */
export function parseDocuments(text: string): unknown {
  const documents = parseAllDocuments(text)
  const list = Array.isArray(documents) ? documents : []
  const errors = list.flatMap((document) => document.errors.map(({ message }) => message.split("\n")[0] ?? message))
  if (errors.length > 0) throw new ScenarioError(errors)
  const [first, ...more] = list.map((document) => document.toJS() as unknown)
  if (typeof first !== "object" || first === null) return first
  const objects = more.filter((one) => one !== null)
  if (objects.length === 0) return first
  const own = (first as { objects?: unknown[] }).objects ?? []
  return { ...first, objects: [...own, ...objects] }
}
