import type { Store, StoreEvent } from "@ladya/store"
import { Entry } from "./entry.ts"
import type { EqualRequirement, Selection } from "./selection.ts"
import type { StoredShape } from "./shape.ts"
import { type EncodedRange, type ListForm, type Slot, SlotBlocks } from "./slot-blocks.ts"
import type { FeedListener, StoreFeed } from "./store-feed.ts"
import { ValueIndex } from "./value-index.ts"

/** A change of one object, as the cache saw it. */
export interface CacheEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly revision: number
  /** For DELETED: the last content, with the revision of the deletion. */
  readonly entry: Entry
  readonly previous: Entry | undefined
}

/** At most so many events are remembered; older ones are asked of the store. */
const historyLimit = 1024
/** At most so many labels and fields are indexed at a time. */
const maxIndexes = 8
/** With fewer objects, looking at all of them is as fast. */
const indexFrom = 100

export type ScanTarget = Pick<Selection, "namespace" | "name"> & Partial<Pick<Selection, "equals">>

/**
 * The present state of one kept resource and its latest changes. Loaded when first asked for, then fed by the store.
 */
export class ResourceCache implements FeedListener {
  readonly shape: StoredShape
  readonly #store: Store
  readonly #feed: StoreFeed
  readonly #slots = new Map<string, Slot>()
  readonly #blocks = new SlotBlocks()
  readonly #indexes = new Map<string, ValueIndex>()
  #history: CacheEvent[] = []
  /** Every event after this revision is in the history. */
  #historyFloor = 0
  #lastChange = 0
  #loadedAt = 0
  #loading: Promise<void> | undefined
  #isLoaded = false
  #early: StoreEvent[] = []
  #generation = 0
  readonly #onEvents = new Set<(events: readonly CacheEvent[]) => void>()
  readonly #onReset = new Set<() => void>()

  constructor(deps: { shape: StoredShape; store: Store; feed: StoreFeed }) {
    this.shape = deps.shape
    this.#store = deps.store
    this.#feed = deps.feed
  }

  /** The state shown is the store's at this revision. */
  get revision(): number {
    return Math.max(this.#feed.revision, this.#loadedAt)
  }

  /** The revision of the newest change of this resource that the cache knows of. */
  get lastChange(): number {
    return this.#lastChange
  }

  get size(): number {
    return this.#slots.size
  }

  /** Resolves when there is a state to show. */
  ready(): Promise<void> | undefined {
    if (this.#isLoaded) return undefined
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  /** Only after `ready`. */
  get(key: string): Entry | undefined {
    return this.#slots.get(key)?.entry
  }

  /** The objects that a selection may choose, in the order of their keys; after `after` when given. Not filtered. */
  *scan(selection: ScanTarget, after?: string): Generator<Entry> {
    const { namespace, name } = selection
    if (name !== undefined && (namespace || !this.shape.kind.namespaced)) {
      const key = namespace ? `${namespace}/${name}` : name
      const entry = this.get(key)
      if (entry && (after === undefined || key > after)) yield entry
      return
    }
    const prefix = namespace ? `${namespace}/` : ""
    const indexed = selection.equals && this.#indexFor(selection.equals)
    const slots = indexed ?? this.#blocks.scan(startOf(prefix, after), prefix)
    for (const slot of slots) {
      if (after !== undefined && slot.key <= after) continue
      if (indexed && !slot.key.startsWith(prefix)) continue
      yield slot.entry
    }
  }

  /** The bytes of everything in a namespace (or anywhere), after `after`, at most `limit` objects. */
  encode(
    namespace: string,
    after: string | undefined,
    limit: number | undefined,
    form: ListForm = "json",
  ): EncodedRange {
    const prefix = namespace ? `${namespace}/` : ""
    // A NUL is the least a key can have behind `after`.
    const from = after !== undefined && after >= prefix ? `${after}\u0000` : prefix
    return this.#blocks.encode({ from, prefix, limit, form })
  }

  /** The bytes of everything in a namespace (or anywhere) that has this one value; undefined when there is no index for it. */
  encodeEqual(namespace: string, equals: EqualRequirement, form: ListForm): readonly Buffer[] | undefined {
    const [value, ...others] = equals.values
    const index = others.length === 0 ? this.#indexOf(equals) : undefined
    if (!index || value === undefined) return undefined
    const bytes = index.encode(value, namespace ? `${namespace}/` : "", form)
    return bytes ? [bytes] : []
  }

  /** Lets go of what only speeds reads up and was not used since the last call. */
  trim(): void {
    this.#blocks.trim()
    for (const [id, index] of this.#indexes) {
      if (!index.isUsed) this.#indexes.delete(id)
      index.isUsed = false
      index.trim()
    }
  }

  /** All changes after `revision`; undefined when they are not remembered that far back. */
  eventsAfter(revision: number): readonly CacheEvent[] | undefined {
    if (revision < this.#historyFloor) return undefined
    const history = this.#history
    let low = 0
    let high = history.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (history[middle]!.revision <= revision) low = middle + 1
      else high = middle
    }
    return history.slice(low)
  }

  /** Calls back with every later change, and when the cache has to start afresh. */
  subscribe(onEvents: (events: readonly CacheEvent[]) => void, onReset: () => void): () => void {
    this.#onEvents.add(onEvents)
    this.#onReset.add(onReset)
    return () => {
      this.#onEvents.delete(onEvents)
      this.#onReset.delete(onReset)
    }
  }

  onEvents(events: readonly StoreEvent[]): void {
    if (!this.#isLoaded) {
      if (this.#loading) this.#early.push(...events)
      return
    }
    const changes: CacheEvent[] = []
    for (const event of events) {
      const change = this.#apply(event)
      if (change) changes.push(change)
    }
    if (changes.length === 0) return
    for (const change of changes) this.#history.push(change)
    if (this.#history.length > 2 * historyLimit) {
      const cut = this.#history.length - historyLimit
      this.#historyFloor = this.#history[cut - 1]!.revision
      this.#history = this.#history.slice(cut)
    }
    for (const callback of this.#onEvents) callback(changes)
  }

  onReset(): void {
    this.#generation++
    this.#isLoaded = false
    this.#slots.clear()
    this.#blocks.fill([])
    this.#indexes.clear()
    this.#history = []
    this.#early = []
    for (const callback of this.#onReset) callback()
  }

  async #load(): Promise<void> {
    for (;;) {
      const generation = this.#generation
      this.#feed.listen(this.shape.prefix, this)
      this.#early = []
      const { items, revision } = await this.#store.list({ prefix: this.shape.prefix })
      if (generation !== this.#generation) continue
      let lastChange = 0
      const entries = items.map((kv) => {
        if (kv.modRevision > lastChange) lastChange = kv.modRevision
        const entry = Entry.of(this.shape, kv)
        return [entry.key, entry] as const
      })
      entries.sort(([a], [b]) => (a < b ? -1 : 1))
      for (const slot of this.#blocks.fill(entries)) this.#slots.set(slot.key, slot)
      this.#loadedAt = revision
      // Deletions leave no trace in the list: anything up to here may have changed the state.
      this.#lastChange = Math.max(lastChange, revision)
      this.#historyFloor = revision
      this.#isLoaded = true
      const early = this.#early
      this.#early = []
      this.onEvents(early)
      return
    }
  }

  #apply(event: StoreEvent): CacheEvent | undefined {
    const { kv } = event
    const revision = kv.modRevision
    if (revision <= this.#loadedAt) return undefined
    const key = kv.key.slice(this.shape.prefix.length)
    const slot = this.#slots.get(key)
    this.#lastChange = revision
    if (event.type === "delete") {
      if (!slot) return undefined
      this.#slots.delete(key)
      for (const index of this.#indexes.values()) index.remove(slot)
      this.#blocks.remove(slot)
      return { type: "DELETED", revision, entry: slot.entry.at(revision), previous: slot.entry }
    }
    const entry = Entry.of(this.shape, kv)
    if (slot) {
      const previous = slot.entry
      previous.retire()
      this.#blocks.replace(slot, entry)
      for (const index of this.#indexes.values()) index.change(slot, previous)
      return { type: "MODIFIED", revision, entry, previous }
    }
    const added = this.#blocks.add(key, entry)
    this.#slots.set(key, added)
    for (const index of this.#indexes.values()) index.add(added)
    return { type: "ADDED", revision, entry, previous: undefined }
  }

  #indexFor(wanted: EqualRequirement): Slot[] | undefined {
    return this.#indexOf(wanted)?.lookup(wanted.values)
  }

  #indexOf(wanted: EqualRequirement): ValueIndex | undefined {
    let index = this.#indexes.get(wanted.id)
    if (!index) {
      if (this.#slots.size < indexFrom || this.#indexes.size >= maxIndexes) return undefined
      index = new ValueIndex(wanted.valueOf)
      for (const slot of this.#slots.values()) index.add(slot)
      this.#indexes.set(wanted.id, index)
    }
    return index
  }
}

const startOf = (prefix: string, after: string | undefined): string =>
  after === undefined || after < prefix ? prefix : after
