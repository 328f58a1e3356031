import type { Clock } from "@ladya/util"

const initialMs = 10_000
const maximumMs = 300_000
/** A container that ran longer than this is as one that never failed. */
const resetAfterMs = 600_000

interface Entry {
  delayMs: number
  launchedAtMs: number
  /** What held before the latest launch. */
  before: Entry | undefined
}

/** How long containers that have ended wait for their next start: none after the first end, then 10 s, doubled up to 300 s. */
export class CrashBackoff {
  readonly #entries = new Map<string, Entry>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds that a container which ended then must still wait. */
  remaining(key: string, finishedAtMs: number): number {
    const entry = this.#entries.get(key)
    if (!entry || this.#isStale(entry.launchedAtMs, finishedAtMs)) return 0
    return Math.max(0, finishedAtMs + entry.delayMs - this.#clock.now())
  }

  /** The whole delay that holds for a container now, in milliseconds. */
  delay(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0
  }

  /** The container is started again after it ended then. */
  launched(key: string, finishedAtMs: number): void {
    const entry = this.#entries.get(key)
    const fresh = !entry || this.#isStale(entry.launchedAtMs, finishedAtMs)
    const delayMs = fresh ? initialMs : Math.min(entry.delayMs * 2, maximumMs)
    const before = entry && { ...entry, before: undefined }
    this.#entries.set(key, { delayMs, launchedAtMs: this.#clock.now(), before })
  }

  /** The latest launch was none: what held before it holds again. */
  takeBack(key: string): void {
    const before = this.#entries.get(key)?.before
    if (before) this.#entries.set(key, before)
    else this.#entries.delete(key)
  }

  #isStale(launchedAtMs: number, finishedAtMs: number): boolean {
    return finishedAtMs - launchedAtMs > resetAfterMs
  }
}
