import type { Clock, Timer } from "@ladya/util"
import type { Entry } from "./entry.ts"
import type { CacheEvent, ResourceCache } from "./resource-cache.ts"
import type { Selection } from "./selection.ts"

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED"

/** How events are made ready for delivery. Watchers with the same `id` share the result. */
export interface WatchFormat<T> {
  readonly id: string
  event(type: WatchEventType, entry: Entry): T
}

/** One who watches. Called in order, never nested. */
export interface WatchMember<T> {
  /** Shared with other members: not to be written to. */
  deliver(items: readonly T[], batch: WatchBatchMemo): void
  /** The cache had to start afresh: events may be missing, so the watch has to end. */
  end(): void
}

/** A place where the first member of a group leaves what the others can use as well (the batch as bytes). */
export interface WatchBatchMemo {
  bytes?: Buffer
  http1?: Buffer
}

interface Group {
  readonly selection: Selection
  readonly format: WatchFormat<unknown>
  readonly members: Set<WatchMember<unknown>>
  pending: unknown[]
}

/**
 * With many watchers, events are gathered while they come fast, so that one write carries several: for so long at least, and
 * at most. In between it is a multiple of what the last delivery took, so that a machine with time to spare delivers sooner
 * and a busy one does not spend all of it on delivering.
 */
const gatherMs = { least: 2, most: 10 }
const gatherPerDelivery = 2
/** Fewer watchers than this are served at once. */
const manyWatchers = 16

/**
 * Deals the changes of one resource out to those who watch it. Watchers who asked for the same thing form a
 * group: an event is matched and encoded once for all of them, and what came within a moment goes out as one batch.
 */
export class Watchers {
  readonly #clock: Clock
  readonly #cache: ResourceCache
  readonly #groups = new Map<string, Group>()
  /** How those who take the changes as they are, are ended. */
  readonly #raw = new Set<() => void>()
  #unsubscribe: (() => void) | undefined
  #flushTimer: Timer | undefined
  #isImmediate = false
  #lastFlush = Number.NEGATIVE_INFINITY
  /** How long the last delivery took. */
  #deliveryMs = 0
  #size = 0

  constructor(deps: { clock: Clock }, cache: ResourceCache) {
    this.#clock = deps.clock
    this.#cache = cache
  }

  /** The number of watchers. */
  get size(): number {
    return this.#size
  }

  /**
   * Joins from the present on: the member sees every change after `cache.revision` of this moment.
   * Returns how to leave.
   */
  join<T>(selection: Selection, format: WatchFormat<T>, member: WatchMember<T>): () => void {
    this.#unsubscribe ??= this.#cache.subscribe(
      (events) => this.#dispatch(events),
      () => this.endAll(),
    )
    const id = `${format.id}\u0000${selection.id}`
    let group = this.#groups.get(id)
    if (!group) {
      group = { selection, format, members: new Set(), pending: [] }
      this.#groups.set(id, group)
    }
    // What is pending happened before this member came.
    this.#flushGroup(group)
    const joined = group
    joined.members.add(member as WatchMember<unknown>)
    this.#size++
    return () => {
      if (joined.members.delete(member as WatchMember<unknown>)) this.#size--
      if (joined.members.size === 0 && this.#groups.get(id) === joined) this.#groups.delete(id)
      if (this.#groups.size === 0) {
        this.#unsubscribe?.()
        this.#unsubscribe = undefined
      }
    }
  }

  /** Joins as one who takes the changes as they are. Returns how to leave. */
  joinRaw(onEvents: (events: readonly CacheEvent[]) => void, end: () => void): () => void {
    const unsubscribe = this.#cache.subscribe(onEvents, end)
    this.#raw.add(end)
    this.#size++
    return () => {
      unsubscribe()
      if (this.#raw.delete(end)) this.#size--
    }
  }

  /** Sends what is pending at once. */
  flush(): void {
    const start = this.#clock.monotonic()
    for (const group of this.#groups.values()) this.#flushGroup(group)
    this.#lastFlush = this.#clock.monotonic()
    this.#deliveryMs = this.#lastFlush - start
  }

  #dispatch(events: readonly CacheEvent[]): void {
    for (const event of events) {
      for (const group of this.#groups.values()) {
        const item = formatEvent(event, group.selection, group.format)
        if (item !== undefined) group.pending.push(item)
      }
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isImmediate || this.#flushTimer) return
    const since = this.#clock.monotonic() - this.#lastFlush
    const gather = Math.min(Math.max(gatherMs.least, gatherPerDelivery * this.#deliveryMs), gatherMs.most)
    if (since >= gather || this.#size < manyWatchers) {
      this.#isImmediate = true
      setImmediate(() => {
        this.#isImmediate = false
        this.flush()
      })
      return
    }
    this.#flushTimer = this.#clock.setTimeout(() => {
      this.#flushTimer = undefined
      this.flush()
    }, gather - since)
  }

  #flushGroup(group: Group): void {
    if (group.pending.length === 0) return
    const items = group.pending
    group.pending = []
    const memo: WatchBatchMemo = {}
    for (const member of group.members) member.deliver(items, memo)
  }

  /** Ends every watch. */
  endAll(): void {
    for (const end of [...this.#raw]) end()
    const groups = [...this.#groups.values()]
    for (const group of groups) {
      for (const member of [...group.members]) member.end()
    }
  }
}

/** What this watcher sees of a change: nothing, or that something came into, changed in, or left its selection. */
export function formatEvent<T>(event: CacheEvent, selection: Selection, format: WatchFormat<T>): T | undefined {
  const isMatch = event.type !== "DELETED" && selection.matches(event.entry)
  const wasMatch = event.previous !== undefined && selection.matches(event.previous)
  if (isMatch) return format.event(wasMatch ? "MODIFIED" : "ADDED", event.entry)
  if (!wasMatch) return undefined
  return format.event("DELETED", event.type === "DELETED" ? event.entry : event.previous!.at(event.revision))
}
