import type { WatchBatch } from "../store.ts"
import { deliver, type Recipient } from "./deliver.ts"

/** Gets events as they come, once it has caught up with the present. */
export interface LiveRecipient extends Recipient {
  isLive: boolean
}

/** Tells watchers that had nothing to see how far the store has come: once per turn of the event loop. */
export class ProgressNotices {
  readonly #watchers: ReadonlySet<LiveRecipient>
  readonly #revision: () => number
  #isScheduled = false

  /** `revision`: everything up to it was handed to the live watchers. */
  constructor(watchers: ReadonlySet<LiveRecipient>, revision: () => number) {
    this.#watchers = watchers
    this.#revision = revision
  }

  schedule(): void {
    if (this.#isScheduled || this.#watchers.size === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      const batch: WatchBatch = { revision: this.#revision(), events: [] }
      for (const watcher of this.#watchers) {
        if (!watcher.isLive || watcher.delivered >= batch.revision) continue
        deliver(watcher, batch, { evenEmpty: true })
      }
    })
  }
}
