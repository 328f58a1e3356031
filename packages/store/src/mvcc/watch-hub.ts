import { CompactedError, type StoreEvent, type Watch, type WatchBatch, type WatchOptions } from "../store.ts"
import type { MvccIndex } from "./mvcc-index.ts"

/** Who gets batches. */
export interface Recipient {
  readonly prefix: string
  readonly onBatch: (batch: WatchBatch) => void
  readonly end: (error: Error | undefined) => void
  /** Everything up to this revision was handed over. */
  delivered: number
}

interface Watcher extends Recipient {
  /** False until it has caught up with the present. */
  isLive: boolean
}

/**
 * Hands events to watchers: each in order of revision, never nested, so that a callback may write to the store.
 * A watcher that had nothing to see learns the revision once per turn of the event loop (a progress notice).
 */
export class WatchHub {
  readonly #index: MvccIndex
  readonly #watchers = new Set<Watcher>()
  /** Everything up to this revision was handed to the live watchers. */
  #dispatched = 0
  #dispatching = false
  #progressScheduled = false

  constructor(index: MvccIndex) {
    this.#index = index
  }

  /** To be called when loading is done. */
  begin(): void {
    this.#dispatched = this.#index.revision
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    const watcher: Watcher = {
      prefix: options.prefix,
      onBatch,
      end: (error) => {
        if (this.#watchers.delete(watcher)) resolve(error)
      },
      delivered: options.afterRevision ?? this.#index.revision,
      isLive: false,
    }
    this.#watchers.add(watcher)
    // Not at once: the caller has no handle yet.
    queueMicrotask(() => this.#catchUp(watcher))
    return { cancel: () => watcher.end(undefined), ended: promise }
  }

  /** Tells the watchers of everything that was applied to the index since the last call. */
  dispatch(): void {
    if (this.#dispatching) return
    this.#dispatching = true
    try {
      while (this.#dispatched < this.#index.revision) {
        const events = this.#index.eventsAfter(this.#dispatched)
        const batch: WatchBatch = { revision: this.#index.revision, events }
        this.#dispatched = batch.revision
        for (const watcher of this.#watchers) if (watcher.isLive) deliver(watcher, batch)
      }
    } finally {
      this.#dispatching = false
    }
    this.#scheduleProgress()
  }

  /** Ends all watches with this error. */
  close(error: Error): void {
    for (const watcher of [...this.#watchers]) watcher.end(error)
  }

  #catchUp(watcher: Watcher): void {
    if (!this.#watchers.has(watcher)) return
    try {
      const events = this.#index.eventsAfter(watcher.delivered)
      watcher.isLive = true
      deliver(watcher, { revision: this.#index.revision, events })
    } catch (error) {
      watcher.end(error instanceof CompactedError ? error : new Error("watch failed", { cause: error }))
    }
    this.#scheduleProgress()
  }

  #scheduleProgress(): void {
    if (this.#progressScheduled || this.#watchers.size === 0) return
    this.#progressScheduled = true
    setImmediate(() => {
      this.#progressScheduled = false
      const batch: WatchBatch = { revision: this.#dispatched, events: [] }
      for (const watcher of this.#watchers) {
        if (!watcher.isLive || watcher.delivered >= batch.revision) continue
        deliver(watcher, batch, { evenEmpty: true })
      }
    })
  }
}

/** Hands over what the recipient wants and has not had; one that throws is ended by that. */
export function deliver(recipient: Recipient, batch: WatchBatch, options?: { evenEmpty: boolean }): void {
  if (batch.revision <= recipient.delivered) return
  const events = select(batch.events, recipient)
  if (events.length === 0 && !options?.evenEmpty) return
  recipient.delivered = batch.revision
  try {
    recipient.onBatch(events === batch.events ? batch : { revision: batch.revision, events })
  } catch (error) {
    recipient.end(error instanceof Error ? error : new Error(String(error)))
  }
}

const none: readonly StoreEvent[] = []

/** The events that a watcher wants; the same array when it wants all. */
function select(events: readonly StoreEvent[], watcher: Recipient): readonly StoreEvent[] {
  const { prefix, delivered } = watcher
  if (events.length === 1) {
    const { kv } = events[0]!
    return kv.modRevision > delivered && kv.key.startsWith(prefix) ? events : none
  }
  let selected: StoreEvent[] | undefined
  for (const event of events) {
    if (event.kv.modRevision <= delivered || !event.kv.key.startsWith(prefix)) continue
    if (selected) selected.push(event)
    else selected = [event]
  }
  if (!selected) return none
  return selected.length === events.length ? events : selected
}
