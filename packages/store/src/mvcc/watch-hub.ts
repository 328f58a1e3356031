import { CompactedError, type Watch, type WatchBatch, type WatchOptions } from "../store.ts"
import { deliver } from "./deliver.ts"
import type { MvccIndex } from "./mvcc-index.ts"
import { type LiveRecipient, ProgressNotices } from "./progress-notices.ts"

/**
 * Hands events to watchers: each in order of revision, never nested, so that a callback may write to the store.
 * A watcher that had nothing to see learns the revision once per turn of the event loop (a progress notice).
 */
export class WatchHub {
  readonly #index: MvccIndex
  readonly #watchers = new Set<LiveRecipient>()
  /** Everything up to this revision was handed to the live watchers. */
  #dispatched = 0
  #dispatching = false
  readonly #progress = new ProgressNotices(this.#watchers, () => this.#dispatched)

  constructor(index: MvccIndex) {
    this.#index = index
  }

  /** To be called when loading is done. */
  begin(): void {
    this.#dispatched = this.#index.revision
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    const watcher: LiveRecipient = {
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
    this.#progress.schedule()
  }

  /** Ends all watches with this error. */
  close(error: Error): void {
    for (const watcher of [...this.#watchers]) watcher.end(error)
  }

  #catchUp(watcher: LiveRecipient): void {
    if (!this.#watchers.has(watcher)) return
    try {
      const events = this.#index.eventsAfter(watcher.delivered)
      watcher.isLive = true
      deliver(watcher, { revision: this.#index.revision, events })
    } catch (error) {
      watcher.end(error instanceof CompactedError ? error : new Error("watch failed", { cause: error }))
    }
    this.#progress.schedule()
  }
}
