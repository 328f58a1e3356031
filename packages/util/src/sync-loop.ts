import { sleep } from "./async.ts"
import { Backoff } from "./backoff.ts"
import type { Clock } from "./clock.ts"
import { errorMessage, type Logger } from "./log.ts"

export interface SyncLoopOptions {
  /** Named in log lines. */
  name: string
  /** Brings things in line with what is wanted. Runs one at a time. A throw is retried with back-off. */
  sync(signal: AbortSignal): Promise<void>
  clock: Clock
  log: Logger
  /** Triggers that come within this time of the last run are taken together; 0 unless told. */
  minIntervalMs?: number
  /** Runs at least this often without any trigger; never unless told. */
  resyncMs?: number
}

/** Runs a sync when it was triggered, never two at once, and once for many triggers. */
export class SyncLoop {
  readonly #options: SyncLoopOptions
  readonly #stop = new AbortController()
  #wake = Promise.withResolvers<void>()
  #triggered = false
  #running: Promise<void> | undefined

  constructor(options: SyncLoopOptions) {
    this.#options = options
  }

  trigger(): void {
    this.#triggered = true
    this.#wake.resolve()
  }

  start(): void {
    this.#running ??= this.#loop()
  }

  /** Ends the loop; a sync that runs is told by its signal and waited for. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake.resolve()
    await this.#running
  }

  async #loop(): Promise<void> {
    const { name, sync, clock, log, minIntervalMs = 0, resyncMs } = this.#options
    const backoff = new Backoff(clock, { initialMs: 250, maxMs: 30_000 })
    const { signal } = this.#stop
    while (!signal.aborted) {
      if (!this.#triggered) await this.#waitForTrigger(resyncMs)
      if (signal.aborted) return
      this.#triggered = false
      this.#wake = Promise.withResolvers()
      let pauseMs = minIntervalMs
      try {
        await sync(signal)
        backoff.reset(name)
      } catch (error) {
        if (signal.aborted) return
        pauseMs = backoff.next(name)
        this.#triggered = true
        log.warn("sync failed, will try again", { sync: name, retryInMs: pauseMs, error: errorMessage(error) })
      }
      if (pauseMs > 0) await sleep(clock, pauseMs, signal).catch(() => undefined)
    }
  }

  async #waitForTrigger(resyncMs: number | undefined): Promise<void> {
    const timer =
      resyncMs === undefined
        ? undefined
        : this.#options.clock.setTimeout(() => this.#wake.resolve(), resyncMs, { unref: true })
    await this.#wake.promise
    timer?.cancel()
  }
}
