import type { KindDefinition } from "@ladya/api"
import { fieldError, statusError } from "@ladya/apimachinery"
import { CompactedError, FutureRevisionError, type Store, type StoreEvent } from "@ladya/store"
import { Entry } from "../../storage/entry.ts"
import type { CacheEvent } from "../../storage/resource-cache.ts"
import type { ResourceStorage } from "../../storage/resource-storage.ts"
import type { Selection } from "../../storage/selection.ts"
import { formatEvent, type WatchBatchMemo, type WatchFormat } from "../../storage/watchers.ts"
import { type Operation, storageOf } from "../operation.ts"
import { expiredError, parseRevision } from "../read/revision.ts"
import { selectionOf } from "../selection.ts"
import { eventsIn } from "../versions.ts"

export interface WatchOptions {
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  resourceVersion?: string | undefined
  resourceVersionMatch?: string | undefined
  sendInitialEvents?: boolean | undefined
  allowWatchBookmarks?: boolean | undefined
}

/** Where a watch's events go. Calls come in order. */
export interface WatchReceiver<T> {
  deliver(items: readonly T[], memo: WatchBatchMemo): void
  end(): void
}

/** A watch that has begun: its first events, and how it goes on. */
export interface OpenWatch<T> {
  /** What is to be delivered before anything else. */
  readonly initial: readonly T[]
  /** Set when the initial events have to be followed by a bookmark that says so. */
  readonly initialEventsEnd: number | undefined
  /** Everything up to here has been delivered, or is pending in the group. */
  revision(): number
  leave(): void
}

/**
 * Begins a watch. The receiver gets what comes after `initial`; it is not called before this resolves.
 * Throws 400, 410 and 504 Statuses.
 */
export async function openWatch<T>(
  store: Store,
  operation: Operation,
  options: WatchOptions,
  format: WatchFormat<T>,
  receiver: WatchReceiver<T>,
): Promise<OpenWatch<T>> {
  const storage = storageOf(operation)
  checkOptions(options)
  const { kind } = operation.resource
  const selection = selectionOf(operation, options)
  const revision = parseRevision(options.resourceVersion)
  const start = await startOf(store, storage, selection, options, revision)
  if (kind.custom?.convert) return openConverting(kind, storage, selection, start, options, format, receiver)
  // From here to the join nothing waits: no event can slip in between.
  const initial: T[] = []
  if (start.state) {
    for (const entry of storage.cache.scan(selection)) {
      if (selection.matches(entry)) initial.push(format.event("ADDED", entry))
    }
  }
  for (const event of start.events()) {
    const item = formatEvent(event, selection, format)
    if (item !== undefined) initial.push(item)
  }
  const at = storage.cache.revision
  const leave = storage.watchers.join(selection, format, receiver)
  return {
    initial,
    initialEventsEnd: options.sendInitialEvents ? at : undefined,
    revision: () => storage.cache.revision,
    leave,
  }
}

/** A watch of what a webhook converts: changes wait for their conversion, in their order. */
async function openConverting<T>(
  kind: KindDefinition,
  storage: ResourceStorage,
  selection: Selection,
  start: Start,
  options: WatchOptions,
  format: WatchFormat<T>,
  receiver: WatchReceiver<T>,
): Promise<OpenWatch<T>> {
  const itemsOf = async (events: readonly CacheEvent[]): Promise<T[]> =>
    (
      await eventsIn(
        kind,
        events.filter((event) => selection.isNear(event.entry)),
      )
    )
      .map((event) => formatEvent(event, selection, format))
      .filter((item) => item !== undefined)
  // From here to the join nothing waits: no event can slip in between.
  const first: CacheEvent[] = []
  if (start.state) {
    for (const entry of storage.cache.scan({ namespace: selection.namespace, name: selection.name })) {
      first.push({ type: "ADDED", revision: entry.revision, entry, previous: undefined })
    }
  }
  first.push(...start.events())
  const at = storage.cache.revision
  let delivered = at
  let hasLeft = false
  let before: Promise<unknown> = Promise.resolve()
  const leave = storage.watchers.joinRaw(
    (events) => {
      const revision = storage.cache.revision
      before = before
        .then(() => itemsOf(events))
        .then((items) => {
          if (hasLeft) return
          if (items.length > 0) receiver.deliver(items, {})
          delivered = revision
        })
        // What cannot be converted cannot be watched.
        .catch(() => receiver.end())
    },
    () => receiver.end(),
  )
  const beginning = itemsOf(first)
  before = beginning.catch(() => undefined)
  try {
    return {
      initial: await beginning,
      initialEventsEnd: options.sendInitialEvents ? at : undefined,
      revision: () => delivered,
      leave() {
        hasLeft = true
        leave()
      },
    }
  } catch (error) {
    leave()
    throw error
  }
}

interface Start {
  /** Whether the present state comes first. */
  state: boolean
  /** What happened between the client's version and now. */
  events(): Iterable<CacheEvent>
}

const nothing: Start = { state: false, events: () => [] }

async function startOf(
  store: Store,
  storage: ResourceStorage,
  selection: Selection,
  options: WatchOptions,
  revision: number | undefined,
): Promise<Start> {
  if (revision === undefined) {
    await storage.fresh()
    return options.sendInitialEvents === false ? nothing : { state: true, events: () => [] }
  }
  await storage.notOlderThan(revision)
  if (options.sendInitialEvents || revision === 0) {
    return options.sendInitialEvents === false ? nothing : { state: true, events: () => [] }
  }
  if (storage.cache.eventsAfter(revision)) {
    return { state: false, events: () => storage.cache.eventsAfter(revision) ?? [] }
  }
  const replayed = await replay(store, storage, selection, revision)
  await storage.notOlderThan(replayed.revision)
  return {
    state: false,
    *events() {
      yield* replayed.events
      const rest = storage.cache.eventsAfter(replayed.revision)
      if (!rest) throw expiredError(revision, storage.cache.revision)
      yield* rest
    },
  }
}

/** The changes since `after`, as the store remembers them: longer ago than the cache does. */
async function replay(
  store: Store,
  storage: ResourceStorage,
  selection: Selection,
  after: number,
): Promise<{ revision: number; events: CacheEvent[] }> {
  const target = storage.cache.revision
  const events: CacheEvent[] = []
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const prefix = storage.shape.prefix + (selection.namespace ? `${selection.namespace}/` : "")
  const watch = store.watch({ prefix, afterRevision: after }, (batch) => {
    for (const event of batch.events) events.push(cacheEventOf(storage, event))
    if (batch.revision >= target) resolve(batch.revision)
  })
  void watch.ended.then((error) => reject(error ?? new Error("the store closed")))
  try {
    return { revision: await promise, events }
  } catch (error) {
    if (error instanceof CompactedError) throw expiredError(after, error.compactedRevision)
    if (error instanceof FutureRevisionError) throw expiredError(after, error.currentRevision)
    throw error
  } finally {
    watch.cancel()
  }
}

function cacheEventOf(storage: ResourceStorage, event: StoreEvent): CacheEvent {
  const { shape } = storage
  const revision = event.kv.modRevision
  const previous = event.previous?.value.length ? Entry.of(shape, event.previous) : undefined
  if (event.type === "delete") {
    const entry = previous?.at(revision) ?? Entry.of(shape, event.kv)
    return { type: "DELETED", revision, entry, previous }
  }
  return { type: previous ? "MODIFIED" : "ADDED", revision, entry: Entry.of(shape, event.kv), previous }
}

function checkOptions(options: WatchOptions): void {
  const errors = []
  const match = options.resourceVersionMatch
  if (options.sendInitialEvents !== undefined) {
    if (match !== "NotOlderThan") {
      errors.push(
        fieldError.forbidden(
          "resourceVersionMatch",
          "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
      )
    }
    if (options.sendInitialEvents && !options.allowWatchBookmarks) {
      errors.push(fieldError.forbidden("sendInitialEvents", "sendInitialEvents requires setting allowWatchBookmarks"))
    }
  } else if (match) {
    errors.push(
      fieldError.forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      ),
    )
  }
  if (errors.length > 0) throw statusError.invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors)
}
