import type { Clock } from "@ladya/util"

/** Answers that are kept for a while, and asked for once at a time; a bounded number of them. */
export class AnswerCache<T> {
  readonly #entries = new Map<string, { answer: Promise<T>; until: number }>()
  readonly #clock: Clock
  readonly #maxEntries: number

  constructor(clock: Clock, maxEntries = 1000) {
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  /** `keepMs` says how long an answer is good for. A failure is not kept. */
  async get(key: string, ask: () => Promise<T>, keepMs: (answer: T) => number): Promise<T> {
    const now = this.#clock.monotonic()
    const known = this.#entries.get(key)
    if (known && known.until > now) return known.answer
    const entry = { answer: ask(), until: Number.POSITIVE_INFINITY }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const oldest = this.#entries.size > this.#maxEntries ? this.#entries.keys().next().value : undefined
    if (oldest !== undefined) this.#entries.delete(oldest)
    try {
      const answer = await entry.answer
      entry.until = this.#clock.monotonic() + keepMs(answer)
      return answer
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      throw error
    }
  }
}
