import type { Clock, Timer } from "./clock.ts"

interface Pending {
  at: number
  sequence: number
  callback: () => void
  cancelled: boolean
}

/** A clock that moves only when told to. Timers fire in order of time, then of creation. */
export class FakeClock implements Clock {
  #now: number
  readonly #start: number
  #sequence = 0
  #pending: Pending[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs
    this.#start = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#start
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const entry: Pending = {
      at: this.#now + Math.max(delayMs, 0),
      sequence: this.#sequence++,
      callback,
      cancelled: false,
    }
    this.#pending.push(entry)
    return {
      cancel: () => {
        entry.cancelled = true
      },
    }
  }

  /** The number of timers that wait. */
  get waiting(): number {
    return this.#pending.filter((entry) => !entry.cancelled).length
  }

  /** Moves time on by `ms`, firing what falls due and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      this.#pending = this.#pending.filter((entry) => !entry.cancelled)
      const next = this.#pending
        .filter((entry) => entry.at <= end)
        .sort((a, b) => a.at - b.at || a.sequence - b.sequence)[0]
      if (!next) break
      this.#pending.splice(this.#pending.indexOf(next), 1)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
    }
    this.#now = end
    await settle()
  }
}

/** Lets everything that is already runnable run: promise jobs and immediates, several rounds. */
export async function settle(rounds = 4): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
