import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import { deepFreeze } from "../objects/copy.ts"
import { canonicalSet, type FieldSet } from "./field-set.ts"

/** Sets of more characters are not worth keeping for others. */
const maxTextLength = 16 * 1024
/** The sets that are known hold at most so many characters. */
const maxTotalLength = 4 * 1024 * 1024

// Objects of one template are owned alike: they share one frozen set, with its text at hand.
const byText = new Map<string, FieldSet>()
const texts = new WeakMap<FieldSet, string>()
let totalLength = 0

/** The set in canonical order; one object for all that are alike, frozen. */
export function sharedSet(set: FieldSet): FieldSet {
  if (texts.has(set)) return set
  const raw = JSON.stringify(set)
  const known = byText.get(raw)
  if (known) return known
  const canonical = canonicalSet(set)
  if (raw.length > maxTextLength) return canonical
  const text = JSON.stringify(canonical)
  let shared = byText.get(text)
  if (!shared) {
    shared = deepFreeze(canonical)
    texts.set(shared, text)
    keep(text, shared)
  }
  if (raw !== text) keep(raw, shared)
  return shared
}

function keep(text: string, set: FieldSet): void {
  byText.set(text, set)
  totalLength += text.length
  for (const oldest of byText.keys()) {
    if (totalLength <= maxTotalLength) return
    byText.delete(oldest)
    totalLength -= oldest.length
  }
}

/** The JSON of a set; at hand for a shared one. */
export function sharedSetText(set: object): string {
  return texts.get(set as FieldSet) ?? JSON.stringify(set)
}

/** The JSON of a list of managers. */
export function managedFieldsText(entries: readonly ManagedFieldsEntry[]): string {
  return `[${entries.map(entryText).join(",")}]`
}

function entryText(entry: ManagedFieldsEntry): string {
  const { fieldsV1, ...rest } = entry
  const fields = fieldsV1 && texts.get(fieldsV1 as FieldSet)
  if (fields === undefined) return JSON.stringify(entry)
  return `${JSON.stringify(rest).slice(0, -1)},"fieldsV1":${fields}}`
}
