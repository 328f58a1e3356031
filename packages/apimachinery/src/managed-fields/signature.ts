import { semanticEqual } from "../objects/equality.ts"
import type { FieldSet } from "./field-set.ts"
import { deducedType, type FieldType, type ListType } from "./field-type.ts"
import { itemElement } from "./list-items.ts"

/** Objects with longer signatures are rare, and seldom alike. */
const maxLength = 8 * 1024
/** The signatures that are remembered hold at most so many characters. */
const maxTotalLength = 2 * 1024 * 1024

// Names that come from clients could hold whatever separates them: their length says where they end.
const named = (name: string): string => `${name.length}:${name}`

/**
 * Says which fields a value has and how its lists' items are named, not what is in them: values of one type with the same
 * signature are owned alike.
 */
export function signatureOf(type: FieldType, value: unknown): string {
  // Some fields stand at zero when they are not sent: then it matters whether they do.
  if (typeof value !== "object") return value ? ";" : typeof value
  if (value === null) return "0"
  if (Array.isArray(value)) return type.kind === "list" ? listSignature(type, value) : wholeSignature(value)
  if (type.kind === "scalar" || type.kind === "list") return wholeSignature(value)
  if (type.kind !== "deduced" && type.isAtomic) return wholeSignature(value)
  const fields = value as Record<string, unknown>
  let text = "{"
  for (const name in fields) {
    const field = fields[name]
    if (field === undefined) continue
    const known = type.kind === "struct" ? type.fields.get(name)?.type : undefined
    const below = known ?? (type.kind === "map" ? type.values : deducedType)
    text += named(name) + signatureOf(below, field)
  }
  return `${text}}`
}

function listSignature(type: ListType, value: readonly unknown[]): string {
  if (type.relation === "atomic" || value.length === 0) return wholeSignature(value)
  let text = "["
  for (let index = 0; index < value.length; index++) {
    text += named(itemElement(type, value[index], index)) + signatureOf(type.items, value[index])
  }
  return `${text}]`
}

/** Of what is owned as a whole: it matters only whether it is something. */
function wholeSignature(value: object): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "[!]"
  return semanticEqual(value, {}) ? "~" : "!"
}

/** What was worked out once for each signature. */
export class SignatureMemo {
  readonly #known = new Map<string, FieldSet>()
  #totalLength = 0

  get(signature: string): FieldSet | undefined {
    return this.#known.get(signature)
  }

  set(signature: string, set: FieldSet): void {
    if (signature.length > maxLength || this.#known.has(signature)) return
    this.#known.set(signature, set)
    this.#totalLength += signature.length
    for (const oldest of this.#known.keys()) {
      if (this.#totalLength <= maxTotalLength) return
      this.#known.delete(oldest)
      this.#totalLength -= oldest.length
    }
  }
}
