import { deepCopy } from "../objects/copy.ts"
import { jsonEqual } from "../objects/equality.ts"
import type { SchemaSource } from "../schema.ts"
import { isObject, type JsonObject, own } from "./patch-error.ts"
import { type Shape, type Strategy, structShape } from "./strategy.ts"

/** The strategic merge patch that turns `original` into `modified`; empty when they are the same. */
export function createStrategicPatch(
  original: object,
  modified: object,
  typeName: string,
  source: SchemaSource,
): JsonObject {
  return diffMaps(original as JsonObject, modified as JsonObject, structShape(typeName, source), false)
}

const absent = (value: unknown): boolean => value === undefined || value === null

function diffMaps(original: JsonObject, modified: JsonObject, shape: Shape, retainKeys: boolean): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(modified)) {
    const next = modified[key]
    const previous = own(original, key)
    if (absent(next) || jsonEqual(previous, next)) continue
    const strategy = shape.field(key)
    if (isObject(previous) && isObject(next) && !strategy.replaceMap) {
      patch[key] = diffMaps(previous, next, strategy.inside, strategy.retainKeys)
    } else if (Array.isArray(previous) && Array.isArray(next) && strategy.merge) {
      diffLists(patch, key, previous, next, strategy)
    } else patch[key] = deepCopy(next)
  }
  for (const key of Object.keys(original)) {
    if (absent(own(modified, key)) && !absent(original[key])) patch[key] = null
  }
  if (retainKeys && Object.keys(patch).length > 0) {
    patch["$retainKeys"] = Object.keys(modified)
      .filter((key) => !absent(modified[key]))
      .sort()
  }
  return patch
}

function diffLists(patch: JsonObject, key: string, previous: unknown[], next: unknown[], strategy: Strategy): void {
  const { mergeKey } = strategy
  if (mergeKey) diffObjects(patch, key, previous, next, mergeKey, strategy)
  else diffScalars(patch, key, previous, next)
}

function diffScalars(patch: JsonObject, key: string, previous: unknown[], next: unknown[]): void {
  const added = next.filter((item) => !previous.includes(item))
  const gone = previous.filter((item) => !next.includes(item))
  if (added.length > 0) patch[key] = added
  if (gone.length > 0) patch[`$deleteFromPrimitiveList/${key}`] = gone
  patch[`$setElementOrder/${key}`] = [...next]
}

function keyed(list: readonly unknown[], mergeKey: string): Map<string, JsonObject> | undefined {
  const found = new Map<string, JsonObject>()
  for (const item of list) {
    if (!isObject(item) || !Object.hasOwn(item, mergeKey)) return undefined
    found.set(JSON.stringify(item[mergeKey]), item)
  }
  return found.size === list.length ? found : undefined
}

function diffObjects(
  patch: JsonObject,
  key: string,
  previous: unknown[],
  next: unknown[],
  mergeKey: string,
  strategy: Strategy,
): void {
  const before = keyed(previous, mergeKey)
  const after = keyed(next, mergeKey)
  if (!before || !after) {
    // Items that cannot be told apart (two ports with one number) cannot be merged.
    patch[key] = [...(deepCopy(next) as unknown[]), { $patch: "replace" }]
    return
  }
  const items: JsonObject[] = []
  for (const [identity, item] of after) {
    const old = before.get(identity)
    if (!old) items.push(deepCopy(item))
    else if (!jsonEqual(old, item)) {
      items.push({ ...diffMaps(old, item, strategy.inside, strategy.retainKeys), [mergeKey]: item[mergeKey] })
    }
  }
  for (const item of items) {
    const retain = item["$retainKeys"]
    if (Array.isArray(retain) && !retain.includes(mergeKey)) retain.push(mergeKey)
  }
  for (const [identity, item] of before) {
    if (!after.has(identity)) items.push({ $patch: "delete", [mergeKey]: item[mergeKey] })
  }
  if (items.length > 0) patch[key] = items
  patch[`$setElementOrder/${key}`] = [...after.values()].map((item) => ({ [mergeKey]: item[mergeKey] }))
}
