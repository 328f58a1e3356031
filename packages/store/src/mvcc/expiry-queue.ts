import type { Clock, Timer } from "@ladya/util"

/** A version that is to be deleted at some time. */
export interface Expiry {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly key: string
  /** Only this version: a key written again in between has another. */
  readonly revision: number
}

/** When a write with this time to live falls due: rounded up to a whole second, so that many fall due together. */
export function expiryTime(clock: Clock, ttlSeconds: number | undefined): number {
  if (ttlSeconds === undefined || ttlSeconds <= 0) return 0
  return Math.ceil(clock.now() / 1000 + ttlSeconds) * 1000
}

/** Versions ordered by when they fall due (a binary heap), with one timer for the earliest. */
export class ExpiryQueue {
  readonly #clock: Clock
  readonly #onDue: (due: readonly Expiry[]) => void
  readonly #heap: Expiry[] = []
  #timer: Timer | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onDue: (due: readonly Expiry[]) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  add(expiry: Expiry): void {
    const heap = this.#heap
    let index = heap.push(expiry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.at <= expiry.at) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = expiry
    this.#arm()
  }

  close(): void {
    this.#timer?.cancel()
    this.#heap.length = 0
  }

  #arm(): void {
    const next = this.#heap[0]
    if (!next || next.at >= this.#armedFor) return
    this.#timer?.cancel()
    this.#armedFor = next.at
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, next.at - this.#clock.now()), { unref: true })
  }

  #fire(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    const due: Expiry[] = []
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now) due.push(this.#pop())
    this.#arm()
    if (due.length > 0) this.#onDue(due)
  }

  #pop(): Expiry {
    const heap = this.#heap
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++
      if (heap[child]!.at >= last.at) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return top
  }
}
