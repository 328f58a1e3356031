import { typeOfElement, typeOfField } from "./configuration.ts"
import { type FieldSet, isMember } from "./field-set.ts"
import { deducedType, type FieldType, type ListType } from "./field-type.ts"
import { isElement, itemElement } from "./list-items.ts"
import { fieldElement } from "./path-element.ts"

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Lays a configuration over what stands there. Neither is written to; the outcome shares parts with both. */
export function mergeConfiguration(type: FieldType, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  switch (type.kind) {
    case "scalar":
      return config
    case "list": {
      if (type.relation === "atomic") return config
      const items = Array.isArray(config) ? (config as unknown[]) : []
      const old = Array.isArray(live) ? (live as unknown[]) : []
      return items.length === 0 && old.length === 0 ? config : mergeItems(type, old, items)
    }
    case "deduced":
      return isFields(live) && isFields(config) ? mergeFields(type, live, config) : config
    case "struct":
    case "map": {
      if (type.isAtomic) return config
      const old = isFields(live) ? live : {}
      const fields = isFields(config) ? config : {}
      if (Object.keys(old).length === 0 && Object.keys(fields).length === 0) return config
      return mergeFields(type, old, fields)
    }
  }
}

function mergeFields(type: FieldType, live: Fields, config: Fields): Fields {
  const out: Fields = { ...live }
  for (const name in config) {
    const old = Object.hasOwn(live, name) ? live[name] : undefined
    const merged = mergeConfiguration(typeOfField(type, name) ?? deducedType, old, config[name])
    if (name === "__proto__") continue
    out[name] = merged
  }
  return out
}

/**
 * The order of the configuration holds among its own items. What it does not name keeps its place before the item that it
 * stood before; items that are new come where the configuration has them, at the end at the latest.
 */
function mergeItems(type: ListType, live: readonly unknown[], config: readonly unknown[]): unknown[] {
  const liveElements = live.map((item, index) => itemElement(type, item, index))
  const wanted = config.map((item, index) => itemElement(type, item, index))
  const inConfig = new Set(wanted)
  const found = new Map<string, unknown>()
  for (let index = 0; index < live.length; index++) {
    const element = liveElements[index] as string
    if (!found.has(element)) found.set(element, live[index])
  }
  const out: unknown[] = []
  let at = 0
  const keepUntil = (stop: string | undefined): void => {
    for (; at < live.length && liveElements[at] !== stop; at++) {
      if (!inConfig.has(liveElements[at] as string)) out.push(live[at])
    }
  }
  for (let index = 0; index < config.length; index++) {
    const element = wanted[index] as string
    const stop = wanted.slice(index).find((later) => found.has(later))
    keepUntil(stop)
    out.push(mergeConfiguration(type.items, found.get(element), config[index]))
    if (stop === element) at++
  }
  keepUntil(undefined)
  return out
}

/** The value without what is in the set; undefined when nothing is left of a map or list. */
export function withoutFields(type: FieldType, value: unknown, set: FieldSet): unknown {
  if (Array.isArray(value)) {
    if (type.kind !== "list" || type.relation === "atomic") return value
    const items: unknown[] = []
    value.forEach((item, index) => {
      const element = itemElement(type, item, index)
      const node = isElement(element) ? set[element] : undefined
      if (node === undefined) items.push(item)
      else if (!isMember(node)) items.push(withoutFields(type.items, item, node))
    })
    return items.length > 0 ? items : undefined
  }
  if (!isFields(value) || type.kind === "scalar") return value
  if ((type.kind === "struct" || type.kind === "map") && type.isAtomic) return value
  const out: Fields = {}
  let isLeft = false
  for (const name in value) {
    const element = fieldElement(name)
    const node = set[element]
    if (node !== undefined && isMember(node)) continue
    const rest = node === undefined ? value[name] : withoutFields(typeOfElement(type, element), value[name], node)
    if (rest === undefined) continue
    out[name] = rest
    isLeft = true
  }
  return isLeft ? out : undefined
}
