import { safeEncodeText } from "@ladya/apimachinery"

/** FNV-1a, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) {
    hash ^= byte
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

/** JSON with sorted keys, and without what is absent: the same text for the same meaning. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`)
  return `{${fields.join(",")}}`
}

/** A short hash of data, fit for names and label values. `collisionCount` makes another one when it is taken. */
export function shortHash(value: unknown, collisionCount = 0): string {
  const text = canonicalJson(value) + (collisionCount > 0 ? `#${collisionCount}` : "")
  return safeEncodeText(String(fnv1a(text)))
}
