import type { ListType } from "./field-type.ts"
import { indexElement, valueElement } from "./path-element.ts"

/** The element of an item of a set or of a list with keys. A text without `:` at its second place says what is wrong with it. */
export function itemElement(type: ListType, item: unknown, index: number): string {
  if (type.relation === "set") return setElement(item)
  if (type.relation === "atomic") return indexElement(index)
  if (item === null || item === undefined) return "associative list with keys may not have a null element"
  if (typeof item !== "object" || Array.isArray(item)) return "associative list with keys may not have non-map elements"
  const object = item as Record<string, unknown>
  const { keys } = type
  let text = ""
  for (const key of keys) {
    const value = object[key.name] ?? key.default
    if (value === undefined) {
      // Further keys may be left out (a device share), the only one may not.
      if (keys.length > 1) continue
      return `associative list with keys has an element that omits key field ${JSON.stringify(key.name)} (and doesn't have default value)`
    }
    text += `${text ? "," : "k:{"}${JSON.stringify(key.name)}:${JSON.stringify(value)}`
  }
  return text ? `${text}}` : "associative list with keys has an element that omits all its key fields"
}

function setElement(item: unknown): string {
  if (item === null || item === undefined) return "associative list without keys has an element that's an explicit null"
  if (Array.isArray(item)) return "not supported: associative list with lists as elements"
  if (typeof item === "object") return "associative list without keys has an element that's a map type"
  return valueElement(item)
}

/** Whether itemElement gave an element and no complaint. */
export const isElement = (text: string): boolean => text[1] === ":"

/** The items by their elements, those with the same one together. Items without an element are left out. */
export function itemsByElement(type: ListType, list: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  for (let index = 0; index < list.length; index++) {
    const item = list[index]
    const element = itemElement(type, item, index)
    if (!isElement(element)) continue
    const same = found.get(element)
    if (same) same.push(item)
    else found.set(element, [item])
  }
  return found
}
