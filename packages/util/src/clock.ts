/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time in Ladya. Components take a Clock so that a whole cluster can run on a virtual one.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds on a clock that never goes back; only differences mean something. */
  monotonic(): number
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive when `unref` is set. */
  setTimeout(callback: () => void, delayMs: number, options?: { unref?: boolean }): Timer
}

class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now()
  }

  setTimeout(callback: () => void, delayMs: number, options?: { unref?: boolean }): Timer {
    // Node's timers overflow at 2^31-1 ms and would fire at once.
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), 2 ** 31 - 1))
    if (options?.unref) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}

/** The machine's own clock. */
export const systemClock: Clock = new SystemClock()
