import { jsonEqual } from "../objects/equality.ts"
import { badPatch, isObject, type JsonObject, patchFails } from "./patch-error.ts"

/** What identifies an item of a list: the value of the merge key, or the item itself. */
export function identityOf(item: unknown, mergeKey: string | undefined): unknown {
  if (!mergeKey || !isObject(item)) return item
  if (!Object.hasOwn(item, mergeKey)) {
    throw patchFails(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
  }
  return item[mergeKey]
}

/** Identities by a text, so that lists are matched in time proportional to their length. */
export function identityText(item: unknown, mergeKey: string | undefined): string {
  return JSON.stringify(identityOf(item, mergeKey)) ?? "undefined"
}

function positions(list: readonly unknown[], mergeKey: string | undefined): Map<string, number> {
  const found = new Map<string, number>()
  for (const [index, item] of list.entries()) {
    const text = identityText(item, mergeKey)
    if (!found.has(text)) found.set(text, index)
  }
  return found
}

/**
 * Puts merged items in order: those that `wanted` names as it names them, the others as they stood in `before`;
 * the two rows are then merged, an item of the server going first where `before` had it in front.
 */
export function ordered(
  merged: readonly unknown[],
  wanted: readonly unknown[],
  before: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const wantedAt = positions(wanted, mergeKey)
  const beforeAt = positions(before, mergeKey)
  const text = (item: unknown): string => identityText(item, mergeKey)
  const rank = (at: Map<string, number>) => (a: unknown, b: unknown) =>
    (at.get(text(a)) ?? Number.MAX_SAFE_INTEGER) - (at.get(text(b)) ?? Number.MAX_SAFE_INTEGER)
  const named = merged.filter((item) => wantedAt.has(text(item))).sort(rank(wantedAt))
  const others = merged.filter((item) => !wantedAt.has(text(item))).sort(rank(beforeAt))
  const result: unknown[] = []
  let next = 0
  for (const item of others) {
    const at = beforeAt.get(text(item))
    while (next < named.length) {
      const namedAt = beforeAt.get(text(named[next]))
      if (at !== undefined && namedAt !== undefined && at < namedAt) break
      result.push(named[next++])
    }
    result.push(item)
  }
  return [...result, ...named.slice(next)]
}

/** Checks that the items of a patch stand in the order that its `$setElementOrder` list gives. */
export function checkOrder(patch: readonly unknown[], order: readonly unknown[], mergeKey: string | undefined): void {
  let at = 0
  for (const item of patch) {
    if (isObject(item) && Object.hasOwn(item, "$patch")) continue
    const text = identityText(item, mergeKey)
    while (at < order.length && identityText(order[at], mergeKey) !== text) at++
    if (at === order.length) {
      throw badPatch(
        `The order in patch list:\n${JSON.stringify(patch)}\n doesn't match $setElementOrder list:\n${JSON.stringify(order)}\n`,
      )
    }
  }
}

/** The list without repeats of scalars. */
export function withoutRepeats(list: readonly unknown[]): unknown[] {
  const seen = new Set<unknown>()
  return list.filter((item) => !seen.has(item) && seen.add(item))
}

/** The list without the scalars that are to go. */
export function withoutItems(list: readonly unknown[], gone: readonly unknown[]): unknown[] {
  return list.filter((item) => !gone.some((other) => jsonEqual(other, item)))
}

/** Sorts the special items of a patch list out: what is deleted, whether all is replaced, and the ordinary ones. */
export function planList(
  patch: readonly unknown[],
  mergeKey: string,
): { deleted: Set<string>; replace: boolean; items: JsonObject[] } {
  const deleted = new Set<string>()
  const items: JsonObject[] = []
  let replace = false
  for (const item of patch) {
    if (!isObject(item)) throw badPatch("invalid patch format of primitive list")
    if (!Object.hasOwn(item, "$patch")) {
      items.push(item)
      continue
    }
    const directive = item["$patch"]
    if (directive === "delete") deleted.add(identityText(item, mergeKey))
    else if (directive === "replace") replace = true
    else if (directive === "merge") {
      const { $patch: _, ...rest } = item
      items.push(rest)
    } else throw badPatch(`unknown patch type found: ${String(directive)}`)
  }
  return { deleted, replace, items }
}
