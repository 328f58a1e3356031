import { type Clock, type Deferred, type MetricsRegistry, newDeferred, type Timer } from "@ladya/util"

/**
 * Keys that wait for work. A key that is added while it waits is there once; one that is added while it is worked on
 * comes again after `done`. So no key is ever worked on twice at the same time, and none is forgotten.
 */
export interface WorkQueue {
  readonly length: number
  add(key: string): void
  /** Adds after `ms`; of several delays of one key the shortest counts. */
  addAfter(key: string, ms: number): void
  /** Adds after the key's back-off, which grows with each call until `forget`. */
  addRateLimited(key: string): void
  forget(key: string): void
  /** How often the key was rate-limited since `forget`. */
  retries(key: string): number
  /** The next key; undefined when the queue is shut down. Call `done` with it afterwards. */
  get(): Promise<string | undefined>
  done(key: string): void
  shutDown(): void
}

export interface WorkQueueOptions {
  clock: Clock
  /** Goes into the metrics. */
  name: string
  metrics?: MetricsRegistry
  /** The first back-off of a key; 5 ms unless told. */
  initialDelayMs?: number
  /** The longest back-off of a key; 1000 s unless told. */
  maxDelayMs?: number
  /** Rate-limited adds of all keys together: 10 a second, bursts of 100, unless told. */
  bucket?: { perSecond: number; burst: number }
}

export function newWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new DedupQueue(options)
}

class DedupQueue implements WorkQueue {
  readonly #clock: Clock
  readonly #initialDelayMs: number
  readonly #maxDelayMs: number
  readonly #metrics: QueueMetrics | undefined
  readonly #bucket: TokenBucket
  /** In order of arrival, with the time of arrival. */
  readonly #waiting = new Map<string, number>()
  readonly #processing = new Map<string, number>()
  readonly #again = new Set<string>()
  readonly #delayed = new Map<string, { at: number; timer: Timer }>()
  readonly #failures = new Map<string, number>()
  readonly #takers: Deferred<string | undefined>[] = []
  #isShutDown = false

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock
    this.#initialDelayMs = options.initialDelayMs ?? 5
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000
    this.#bucket = new TokenBucket(options.clock, options.bucket ?? { perSecond: 10, burst: 100 })
    this.#metrics = options.metrics ? newQueueMetrics(options.metrics, options.name) : undefined
  }

  get length(): number {
    return this.#waiting.size
  }

  add(key: string): void {
    if (this.#isShutDown) return
    this.#cancelDelay(key)
    if (this.#processing.has(key)) {
      this.#again.add(key)
      return
    }
    if (this.#waiting.has(key)) return
    this.#metrics?.added()
    this.#waiting.set(key, this.#clock.monotonic())
    this.#metrics?.depth(this.#waiting.size)
    this.#hand()
  }

  addAfter(key: string, ms: number): void {
    if (this.#isShutDown) return
    if (ms <= 0) {
      this.add(key)
      return
    }
    const at = this.#clock.monotonic() + ms
    const known = this.#delayed.get(key)
    if (known && known.at <= at) return
    known?.timer.cancel()
    const timer = this.#clock.setTimeout(() => {
      this.#delayed.delete(key)
      this.add(key)
    }, ms)
    this.#delayed.set(key, { at, timer })
  }

  addRateLimited(key: string): void {
    if (this.#isShutDown) return
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.#metrics?.retried()
    const own = Math.min(this.#initialDelayMs * 2 ** Math.min(failures, 40), this.#maxDelayMs)
    this.addAfter(key, Math.max(own, this.#bucket.takeMs()))
  }

  forget(key: string): void {
    this.#failures.delete(key)
  }

  retries(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  get(): Promise<string | undefined> {
    const taker = newDeferred<string | undefined>()
    if (this.#isShutDown && this.#waiting.size === 0) taker.resolve(undefined)
    else {
      this.#takers.push(taker)
      this.#hand()
    }
    return taker.promise
  }

  done(key: string): void {
    const startedAt = this.#processing.get(key)
    if (startedAt === undefined) return
    this.#processing.delete(key)
    this.#metrics?.worked((this.#clock.monotonic() - startedAt) / 1000)
    if (this.#again.delete(key)) this.add(key)
  }

  shutDown(): void {
    this.#isShutDown = true
    for (const { timer } of this.#delayed.values()) timer.cancel()
    this.#delayed.clear()
    this.#waiting.clear()
    this.#again.clear()
    for (const taker of this.#takers.splice(0)) taker.resolve(undefined)
  }

  #hand(): void {
    while (this.#takers.length > 0) {
      const next = this.#waiting.entries().next()
      if (next.done) return
      const [key, addedAt] = next.value
      const now = this.#clock.monotonic()
      this.#waiting.delete(key)
      this.#processing.set(key, now)
      this.#metrics?.depth(this.#waiting.size)
      this.#metrics?.waited((now - addedAt) / 1000)
      this.#takers.shift()?.resolve(key)
    }
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.timer.cancel()
    this.#delayed.delete(key)
  }
}

/** Tokens that come at a steady rate, up to a burst; what is taken beyond that has to wait. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at: number

  constructor(clock: Clock, options: { perSecond: number; burst: number }) {
    this.#clock = clock
    this.#perSecond = options.perSecond
    this.#burst = options.burst
    this.#tokens = options.burst
    this.#at = clock.monotonic()
  }

  /** Takes a token, on credit when there is none; returns how long to wait for it in milliseconds. */
  takeMs(): number {
    this.#refill()
    this.#tokens -= 1
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000
  }

  /** Takes a token when there is one. */
  tryTake(): boolean {
    this.#refill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#perSecond)
    this.#at = now
  }
}

interface QueueMetrics {
  added(): void
  retried(): void
  depth(value: number): void
  waited(seconds: number): void
  worked(seconds: number): void
}

function newQueueMetrics(metrics: MetricsRegistry, name: string): QueueMetrics {
  const labels = { name }
  const seconds = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]
  const depth = metrics.gauge("workqueue_depth", "Keys that wait for work.")
  const adds = metrics.counter("workqueue_adds_total", "Keys added.")
  const retries = metrics.counter("workqueue_retries_total", "Keys added again after a failure.")
  const waited = metrics.histogram("workqueue_queue_duration_seconds", "Time a key waits.", seconds)
  const worked = metrics.histogram("workqueue_work_duration_seconds", "Time the work on a key takes.", seconds)
  return {
    added: () => adds.add(1, labels),
    retried: () => retries.add(1, labels),
    depth: (value) => depth.set(value, labels),
    waited: (value) => waited.observe(value, labels),
    worked: (value) => worked.observe(value, labels),
  }
}
