import type { Clock, Timer } from "./clock.ts"

interface Pending {
  readonly at: number
  readonly sequence: number
  readonly callback: () => void
  cancelled: boolean
}

const isBefore = (a: Pending, b: Pending): boolean => a.at < b.at || (a.at === b.at && a.sequence < b.sequence)

/** Timers in the order in which they fall due. Cancelled ones stay until they come to the top. */
class TimerHeap {
  readonly #entries: Pending[] = []

  push(entry: Pending): void {
    const entries = this.#entries
    let position = entries.length
    entries.push(entry)
    while (position > 0) {
      const parent = (position - 1) >> 1
      const above = entries[parent] as Pending
      if (isBefore(above, entry)) break
      entries[position] = above
      position = parent
    }
    entries[position] = entry
  }

  /** The first that is not cancelled. */
  peek(): Pending | undefined {
    while (this.#entries[0]?.cancelled) this.pop()
    return this.#entries[0]
  }

  pop(): void {
    const entries = this.#entries
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return
    let position = 0
    for (;;) {
      let child = 2 * position + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && isBefore(entries[child + 1] as Pending, entries[child] as Pending)) child++
      if (isBefore(last, entries[child] as Pending)) break
      entries[position] = entries[child] as Pending
      position = child
    }
    entries[position] = last
  }

  get live(): number {
    return this.#entries.reduce((count, { cancelled }) => (cancelled ? count : count + 1), 0)
  }
}

/** A clock that moves only when told to. Timers fire in order of time, then of creation. */
export class FakeClock implements Clock {
  #now: number
  readonly #start: number
  #sequence = 0
  readonly #pending = new TimerHeap()

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
    return this.#pending.live
  }

  /** Moves time on by `ms`, firing what falls due and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      const next = this.#pending.peek()
      if (!next || next.at > end) break
      this.#pending.pop()
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
