import { deepCopy } from "../objects/copy.ts"
import type { SchemaSource } from "../schema.ts"
import { badPatch, isObject, type JsonObject, own, patchFails } from "./patch-error.ts"
import { checkOrder, identityText, ordered, planList, withoutItems, withoutRepeats } from "./strategic-lists.ts"
import { type Shape, type Strategy, structShape } from "./strategy.ts"

const orderPrefix = "$setElementOrder/"
const deletePrefix = "$deleteFromPrimitiveList/"

const isDirective = (key: string): boolean =>
  key === "$patch" || key === "$retainKeys" || key.startsWith(orderPrefix) || key.startsWith(deletePrefix)

/**
 * Applies a strategic merge patch to a copy of the document; the schema says which lists are merged, and by which key.
 * What the schema does not know is merged as by a JSON merge patch. Throws a 400 Status for what is no patch, 422 when it does not apply.
 */
export function applyStrategicPatch<T>(document: T, patch: unknown, typeName: string, source: SchemaSource): T {
  if (!isObject(patch)) throw badPatch("json: cannot unmarshal into Go value of type map[string]interface {}")
  return mergeMap(deepCopy(document) as JsonObject, patch, structShape(typeName, source)) as T
}

/** What a patch's value means where nothing stands: directives and nulls taken out. */
function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isObject(item) && (item["$patch"] === "delete" || item["$patch"] === "replace")))
      .map((item) => cleaned(item))
  }
  if (!isObject(value)) return value
  if (value["$patch"] === "delete") return {}
  const result: JsonObject = {}
  for (const key of Object.keys(value)) {
    if (key !== "__proto__" && !isDirective(key) && value[key] !== null) result[key] = cleaned(value[key])
  }
  return result
}

/** `original` is private and written to; `patch` is not. */
function mergeMap(original: JsonObject, patch: JsonObject, shape: Shape): JsonObject {
  const directive = own(patch, "$patch")
  if (directive === "replace") return cleaned({ ...patch, $patch: undefined }) as JsonObject
  if (directive === "delete") return {}
  if (directive !== undefined && directive !== "merge") {
    throw badPatch(`unknown patch type found: ${typeof directive === "string" ? directive : JSON.stringify(directive)}`)
  }
  const result = retained(original, patch)
  const handled = mergeOrderedLists(result, patch, shape)
  for (const key of Object.keys(patch)) {
    if (key === "__proto__" || handled.has(key)) continue
    if (key.startsWith(deletePrefix)) deleteItems(result, key.slice(deletePrefix.length), patch[key])
    else if (!isDirective(key)) mergeField(result, key, patch[key], shape)
  }
  return result
}

function mergeField(result: JsonObject, key: string, value: unknown, shape: Shape): void {
  if (value === null) {
    delete result[key]
    return
  }
  const before = own(result, key)
  if (isObject(before) && isObject(value)) {
    const strategy = shape.field(key)
    result[key] = strategy.replaceMap ? cleaned(value) : mergeMap(before, value, strategy.inside)
  } else if (Array.isArray(before) && Array.isArray(value)) {
    result[key] = mergeList(before, value, shape.field(key))
  } else result[key] = cleaned(value)
}

function deleteItems(result: JsonObject, key: string, gone: unknown): void {
  if (!Array.isArray(gone)) throw badPatch("invalid patch format of primitive list")
  const before = own(result, key)
  if (Array.isArray(before)) result[key] = withoutItems(before, gone)
}

/** `$retainKeys`: only what it names survives. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = own(patch, "$retainKeys")
  if (keys === undefined) return original
  if (!Array.isArray(keys)) throw badPatch("invalid patch format of retainKeys")
  for (const key of Object.keys(patch)) {
    if (!isDirective(key) && patch[key] !== null && !keys.includes(key)) {
      throw badPatch("invalid patch format of retainKeys")
    }
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)))
}

/** Merges the lists whose order the patch gives; returns the keys of the patch that are done with. */
function mergeOrderedLists(result: JsonObject, patch: JsonObject, shape: Shape): Set<string> {
  const handled = new Set<string>()
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(orderPrefix)) continue
    const order = patch[key]
    if (!Array.isArray(order)) throw badPatch("invalid patch format of setElementOrder list")
    const name = key.slice(orderPrefix.length)
    if (name === "__proto__") continue
    const strategy = shape.field(name)
    const before = own(result, name)
    const change = own(patch, name)
    const gone = own(patch, deletePrefix + name)
    if (Array.isArray(change)) checkOrder(change, order, strategy.mergeKey)
    else if (change !== undefined) continue
    let merged: unknown[]
    if (Array.isArray(before)) {
      const left = Array.isArray(gone) ? withoutItems(before, gone) : before
      merged = Array.isArray(change) ? mergeList(left, change, strategy) : left
    } else if (Array.isArray(change)) merged = cleaned(change) as unknown[]
    else continue
    result[name] = ordered(merged, order, Array.isArray(before) ? before : [], strategy.mergeKey)
    handled.add(name).add(deletePrefix + name)
  }
  return handled
}

function mergeList(before: unknown[], patch: unknown[], strategy: Strategy): unknown[] {
  if (!strategy.merge) return cleaned(patch) as unknown[]
  if (before.length === 0 && patch.length === 0) return before
  const sample = before[0] ?? patch[0]
  if (!isObject(sample)) return ordered(withoutRepeats([...before, ...patch]), patch, before, undefined)
  const { mergeKey } = strategy
  if (!mergeKey) throw patchFails("cannot merge lists without merge key")
  const plan = planList(patch, mergeKey)
  if (plan.replace) return plan.items.map(cleaned)
  const items = before.filter((item) => plan.deleted.size === 0 || !plan.deleted.has(identityText(item, mergeKey)))
  const places = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const text = identityText(item, mergeKey)
    if (!places.has(text)) places.set(text, index)
  }
  for (const item of plan.items) {
    const text = identityText(item, mergeKey)
    const place = places.get(text)
    if (place === undefined) {
      places.set(text, items.length)
      items.push(cleaned(item))
    } else items[place] = mergeMap(items[place] as JsonObject, item, strategy.inside)
  }
  return ordered(items, plan.items, before, mergeKey)
}
