import type { Clock } from "./clock.ts"

export interface BackoffOptions {
  /** The first delay. */
  initialMs: number
  /** Never longer than this. */
  maxMs: number
  /** What each delay is multiplied by; 2 unless told. */
  factor?: number
  /** A key not failed for this long starts afresh; twice `maxMs` unless told. */
  resetAfterMs?: number
}

interface Entry {
  delayMs: number
  lastFailure: number
}

/** Exponential back-off by key. */
export class Backoff {
  readonly #entries = new Map<string, Entry>()
  readonly #clock: Clock
  readonly #options: Required<BackoffOptions>

  constructor(clock: Clock, options: BackoffOptions) {
    this.#clock = clock
    this.#options = { factor: 2, resetAfterMs: options.maxMs * 2, ...options }
  }

  /** Notes a failure of `key`; returns the delay before the next try, in milliseconds. */
  next(key: string): number {
    const { initialMs, maxMs, factor, resetAfterMs } = this.#options
    const now = this.#clock.now()
    const entry = this.#entries.get(key)
    const delayMs =
      entry && now - entry.lastFailure < resetAfterMs ? Math.min(entry.delayMs * factor, maxMs) : initialMs
    this.#entries.set(key, { delayMs, lastFailure: now })
    return delayMs
  }

  /** How long `key` has still to wait, in milliseconds; 0 when it may be tried now. */
  remaining(key: string): number {
    const entry = this.#entries.get(key)
    if (!entry) return 0
    return Math.max(0, entry.lastFailure + entry.delayMs - this.#clock.now())
  }

  /** Forgets the failures of `key`. */
  reset(key: string): void {
    this.#entries.delete(key)
  }
}
