import { jsonEqual } from "../objects/equality.ts"

/**
 * The element of a value in a set, of an item by its keys, of a field by its name. Each is its own text in FieldsV1, so that
 * equal elements are equal texts.
 */
export const fieldElement = (name: string): string => `f:${name}`
export const valueElement = (value: unknown): string => `v:${JSON.stringify(value)}`
export const indexElement = (index: number): string => `i:${index}`

const ranks: Readonly<Record<string, number>> = { ".": 0, f: 1, k: 2, v: 3, i: 4 }

/** The canonical order: the node itself, fields by name, items by their keys, values, indexes. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0
  const kind = a[0] as string
  if (kind !== b[0]) return (ranks[kind] ?? 9) - (ranks[b[0] as string] ?? 9)
  if (kind === "f") return a < b ? -1 : 1
  if (kind === "i") return Number(a.slice(2)) - Number(b.slice(2))
  const left: unknown = JSON.parse(a.slice(2))
  const right: unknown = JSON.parse(b.slice(2))
  return kind === "k"
    ? compareKeys(left as Record<string, unknown>, right as Record<string, unknown>)
    : compareValues(left, right)
}

function compareKeys(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const left = Object.keys(a).sort()
  const right = Object.keys(b).sort()
  for (let index = 0; index < left.length && index < right.length; index++) {
    const nameA = left[index] as string
    const nameB = right[index] as string
    if (nameA !== nameB) return nameA < nameB ? -1 : 1
    const order = compareValues(a[nameA], b[nameB])
    if (order !== 0) return order
  }
  return left.length - right.length
}

const typeOrder = ["number", "string", "boolean", "object"]

function compareValues(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) return typeOrder.indexOf(typeof a) - typeOrder.indexOf(typeof b)
  if (typeof a === "number" && typeof b === "number") return a - b
  if (jsonEqual(a, b)) return 0
  return String(a) < String(b) ? -1 : 1
}

/** A path as people read it: `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join("")
}

function elementText(element: string): string {
  const rest = element.slice(2)
  switch (element[0]) {
    case "f":
      return `.${rest}`
    case "k": {
      const keys = JSON.parse(rest) as Record<string, unknown>
      const parts = Object.keys(keys).sort()
      return `[${parts.map((name) => `${name}=${JSON.stringify(keys[name])}`).join(",")}]`
    }
    case "v":
      return `[=${rest}]`
    default:
      return `[${rest}]`
  }
}
