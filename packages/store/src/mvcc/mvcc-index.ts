import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type StoreEvent,
} from "../store.ts"
import { SortedEntries } from "./sorted-entries.ts"

/** The value of a deletion. Its identity marks a tombstone, so it is never stored as a put's value. */
export const noValue = Buffer.alloc(0)

export function isTombstone(kv: KeyValue): boolean {
  return kv.value === noValue
}

class Entry {
  readonly key: string
  /** The version at the newest revision; undefined when the key is deleted. */
  current: KeyValue | undefined
  /** Versions before that, oldest first, tombstones included. */
  older: KeyValue[] | undefined

  constructor(key: string, current: KeyValue | undefined) {
    this.key = key
    this.current = current
    this.older = undefined
  }

  get isLive(): boolean {
    return this.current !== undefined
  }

  at(revision: number): KeyValue | undefined {
    if (this.current && this.current.modRevision <= revision) return this.current
    const { older } = this
    if (!older) return undefined
    for (let i = older.length - 1; i >= 0; i--) {
      const kv = older[i]!
      if (kv.modRevision <= revision) return isTombstone(kv) ? undefined : kv
    }
    return undefined
  }

  /** Forgets what no read at `revision` or later can see; returns the revisions forgotten. */
  compact(revision: number, forgotten: number[]): void {
    const { older } = this
    if (!older) return
    let keep = 0
    // The newest version at or before the revision stays, unless it is a tombstone or `current` itself is that old.
    while (keep < older.length) {
      const next = keep + 1 < older.length ? older[keep + 1] : this.current
      if (next && next.modRevision <= revision) {
        keep++
        continue
      }
      if (isTombstone(older[keep]!) && older[keep]!.modRevision <= revision) keep++
      break
    }
    for (let i = 0; i < keep; i++) forgotten.push(older[i]!.modRevision)
    this.older = keep === older.length ? undefined : older.slice(keep)
  }
}

/** All versions of all keys since the last compaction, in memory. The drivers apply to it what they have made durable. */
export class MvccIndex {
  readonly #entries = new Map<string, Entry>()
  readonly #sorted = new SortedEntries<Entry>()
  /** One event a revision; the first is of revision `#compacted + 1`. */
  #history: StoreEvent[] = []
  /** The revision of the first event in `#history`, less one. */
  #historyBase = 1
  #revision = 1
  #compacted = 0

  get revision(): number {
    return this.#revision
  }

  get compactedRevision(): number {
    return this.#compacted
  }

  /** The newest version of a key. */
  current(key: string): KeyValue | undefined {
    return this.#entries.get(key)?.current
  }

  get(key: string, revision: number | undefined): KeyValue | undefined {
    if (revision === undefined || revision === this.#revision) return this.current(key)
    this.#checkRevision(revision)
    return this.#entries.get(key)?.at(revision)
  }

  list(options: ListOptions): ListResult {
    const revision = options.revision ?? this.#revision
    if (revision !== this.#revision) return this.#listAt(options, revision)
    const items: KeyValue[] = []
    const limit = options.limit || Number.POSITIVE_INFINITY
    const remaining = this.#sorted.walk(options.prefix, options.after, (entry) => {
      const kv = entry.current
      if (kv) items.push(kv)
      return items.length < limit
    })
    return { items, revision, remaining }
  }

  #listAt(options: ListOptions, revision: number): ListResult {
    this.#checkRevision(revision)
    const items: KeyValue[] = []
    const limit = options.limit || Number.POSITIVE_INFINITY
    let remaining = 0
    this.#sorted.walk(options.prefix, options.after, (entry) => {
      const kv = entry.at(revision)
      if (kv) {
        if (items.length < limit) items.push(kv)
        else remaining++
      }
      return true
    })
    return { items, revision, remaining }
  }

  /** Takes the next revision's version in; a tombstone deletes. Returns the event. */
  apply(kv: KeyValue): StoreEvent {
    const previous = this.#put(kv)
    this.#revision = kv.modRevision
    const event: StoreEvent = { type: isTombstone(kv) ? "delete" : "put", kv, previous }
    this.#history.push(event)
    return event
  }

  /** Takes in a version from before the compaction, when loading. Versions come in order of revision. */
  restore(kv: KeyValue): void {
    this.#put(kv)
    this.#revision = Math.max(this.#revision, kv.modRevision)
  }

  /**
   * Ends the loading of what was before the compaction: history begins behind this revision. What an interrupted
   * compaction has left is forgotten; its revisions are appended to `forgotten`, ascending.
   */
  restoreCompacted(revision: number, forgotten: number[]): void {
    this.#revision = Math.max(this.#revision, revision)
    this.#compacted = revision
    this.#historyBase = Math.max(revision, 1)
    for (const entry of this.#entries.values()) if (entry.older) this.#compactEntry(entry, revision, forgotten)
    forgotten.sort((a, b) => a - b)
  }

  /** The events after `afterRevision`, in order. Throws CompactedError when some are gone. */
  eventsAfter(afterRevision: number): readonly StoreEvent[] {
    if (afterRevision < this.#compacted) throw new CompactedError(this.#compacted)
    return this.#history.slice(Math.max(0, afterRevision - this.#historyBase))
  }

  /** Forgets what was overwritten or deleted at or before `revision`; returns the revisions forgotten, ascending. */
  compact(revision: number): number[] {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision)
    if (revision <= this.#compacted) return []
    const forgotten: number[] = []
    const count = Math.max(0, revision - this.#historyBase)
    for (let i = 0; i < count; i++) {
      const event = this.#history[i]!
      if (!event.previous && event.type === "put") continue
      const entry = this.#entries.get(event.kv.key)
      if (entry) this.#compactEntry(entry, revision, forgotten)
    }
    this.#history = this.#history.slice(count)
    this.#historyBase += count
    this.#compacted = revision
    return forgotten.sort((a, b) => a - b)
  }

  #compactEntry(entry: Entry, revision: number, forgotten: number[]): void {
    entry.compact(revision, forgotten)
    if (entry.current || entry.older) return
    this.#entries.delete(entry.key)
    this.#sorted.remove(entry)
  }

  #put(kv: KeyValue): KeyValue | undefined {
    const deletes = isTombstone(kv)
    const entry = this.#entries.get(kv.key)
    if (!entry) {
      const added = new Entry(kv.key, deletes ? undefined : kv)
      if (deletes) added.older = [kv]
      this.#entries.set(kv.key, added)
      this.#sorted.insert(added)
      return undefined
    }
    const previous = entry.current
    if (previous) {
      if (entry.older) entry.older.push(previous)
      else entry.older = [previous]
    }
    if (deletes) {
      if (entry.older) entry.older.push(kv)
      else entry.older = [kv]
    }
    entry.current = deletes ? undefined : kv
    if ((previous === undefined) !== deletes) this.#sorted.changed(entry)
    return previous
  }

  #checkRevision(revision: number): void {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision)
    if (revision < this.#compacted) throw new CompactedError(this.#compacted)
  }
}
