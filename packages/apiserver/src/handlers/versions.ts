import type { KindDefinition } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { Entry } from "../storage/entry.ts"
import type { CacheEvent } from "../storage/resource-cache.ts"
import { newStoredShape, type StoredShape } from "../storage/shape.ts"
import { type Operation, type Result, storageOf } from "./operation.ts"

/**
 * The kind whose version an operation's objects are worked on in: custom resources are defaulted, admitted and validated
 * in the version they are asked for, built-in ones in the version they are kept in.
 */
export function workingKind(operation: Operation): KindDefinition {
  const { kind } = operation.resource
  return kind.custom ? kind : storageOf(operation).kind
}

interface Converted {
  readonly shape: StoredShape
  /** By the bytes they came from: each object is asked for once. */
  readonly objects: WeakMap<Buffer, KubeObject>
}

const known = new WeakMap<KindDefinition, Converted>()

function convertedOf(kind: KindDefinition): Converted {
  let found = known.get(kind)
  if (!found) {
    found = { shape: newStoredShape(kind), objects: new WeakMap() }
    known.set(kind, found)
  }
  return found
}

/** Entries in the version of a kind. Only where a webhook converts does this take time. Throws a Status. */
export async function entriesIn(kind: KindDefinition, entries: readonly Entry[]): Promise<readonly Entry[]> {
  const convert = kind.custom?.convert
  if (!convert) return entries
  const { shape, objects } = convertedOf(kind)
  const missing = entries.filter((entry) => !objects.has(entry.value))
  if (missing.length > 0) {
    const made = await convert(missing.map((entry) => entry.object))
    for (const [index, entry] of missing.entries()) objects.set(entry.value, made[index] as KubeObject)
  }
  return entries.map((entry) => entry.converted(shape, objects.get(entry.value) as KubeObject))
}

export async function entryIn(kind: KindDefinition, entry: Entry): Promise<Entry> {
  return kind.custom?.convert ? ((await entriesIn(kind, [entry]))[0] as Entry) : entry
}

/** Changes in the version of a kind. */
export async function eventsIn(kind: KindDefinition, events: readonly CacheEvent[]): Promise<readonly CacheEvent[]> {
  if (!kind.custom?.convert) return events
  const all = events.flatMap(({ entry, previous }) => (previous ? [entry, previous] : [entry]))
  const converted = [...(await entriesIn(kind, all))]
  return events.map((event) => ({
    ...event,
    entry: converted.shift() as Entry,
    previous: event.previous && converted.shift(),
  }))
}

/** An object of the working kind as it is to be kept. */
export async function toKept(operation: Operation, draft: KubeObject): Promise<KubeObject> {
  const { kind } = operation.resource
  if (!kind.custom) return draft
  const { convert } = storageOf(operation).kind.custom ?? {}
  return convert ? ((await convert([draft]))[0] as KubeObject) : kind.toStorage(draft)
}

/** A result in the version that is asked for. */
export async function resultInVersion(operation: Operation, result: Result): Promise<Result> {
  const { kind } = operation.resource
  const convert = kind.custom?.convert
  if (!convert) return result
  switch (result.type) {
    case "entry":
      return { ...result, entry: await entryIn(kind, result.entry) }
    case "list":
      return { ...result, entries: await entriesIn(kind, result.entries) }
    case "object":
      return result.kind === kind ? { ...result, object: (await convert([result.object]))[0] as KubeObject } : result
    default:
      return result
  }
}
