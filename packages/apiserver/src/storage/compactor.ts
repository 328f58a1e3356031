import type { Store } from "@ladya/store"
import { type Clock, errorMessage, type Logger, type Timer } from "@ladya/util"

export interface CompactorDeps {
  store: Store
  clock: Clock
  log: Logger
  /** Versions younger than this are kept. */
  keepMs: number
}

/** Lets the store forget old versions, at half the age they may reach. */
export class Compactor {
  readonly #deps: CompactorDeps
  #timer: Timer | undefined
  #isStopped = false
  /** The revision of each look, the oldest first. */
  #seen: { revision: number; at: number }[] = []

  constructor(deps: CompactorDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#isStopped) return
    const { clock, keepMs } = this.#deps
    this.#timer = clock.setTimeout(() => void this.#run().finally(() => this.#schedule()), keepMs / 2, { unref: true })
  }

  async #run(): Promise<void> {
    const { store, clock, log, keepMs } = this.#deps
    try {
      const now = clock.monotonic()
      this.#seen.push({ revision: await store.currentRevision(), at: now })
      let target: number | undefined
      while (this.#seen[0] && now - this.#seen[0].at >= keepMs) target = this.#seen.shift()?.revision
      if (target === undefined || target <= 1) return
      await store.compact(target)
      log.debug("compacted", { revision: target })
    } catch (error) {
      log.warn("compaction failed", { reason: errorMessage(error) })
    }
  }
}
