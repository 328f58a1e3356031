import { newStatusError, type StatusError } from "@ladya/apimachinery"
import type { Store, StoreEvent, Watch } from "@ladya/store"
import { type Clock, errorMessage, type Logger, sleep } from "@ladya/util"

/** Below this all objects are kept. */
export const registryPrefix = "/registry/"

export interface FeedListener {
  /** Events of this listener's prefix, in order. */
  onEvents(events: readonly StoreEvent[]): void
  /** The feed broke: what was not seen is lost, start afresh. */
  onReset(): void
}

interface Waiter {
  revision: number
  resolve(): void
}

/** How long a read waits for a revision that has not come yet. */
const freshnessTimeoutMs = 3000

/**
 * One watch of the whole store, dealt out to the caches by key prefix. Because there is one, its revision
 * says how far every cache is, and resources that nobody asked for cost nothing.
 */
export class StoreFeed {
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Logger
  readonly #listeners = new Map<string, FeedListener>()
  #waiters: Waiter[] = []
  #watch: Watch | undefined
  #revision = 0
  #isStopped = false
  readonly #progress = new Set<(revision: number) => void>()

  constructor(deps: { store: Store; clock: Clock; log: Logger }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#log = deps.log
  }

  /** Everything up to this revision was handed to the listeners. */
  get revision(): number {
    return this.#revision
  }

  async start(): Promise<void> {
    this.#revision = await this.#store.currentRevision()
    this.#begin()
  }

  stop(): void {
    this.#isStopped = true
    this.#watch?.cancel()
  }

  /** `prefix` as storagePrefix makes it. */
  listen(prefix: string, listener: FeedListener): void {
    this.#listeners.set(prefix, listener)
  }

  unlisten(prefix: string): void {
    this.#listeners.delete(prefix)
  }

  /** Waits until the caches show everything that was acknowledged before this call; returns that revision. */
  async fresh(): Promise<number> {
    const revision = await this.#store.currentRevision()
    if (this.#revision < revision) await this.reached(revision)
    return this.#revision
  }

  /** Waits until the caches show this revision. Throws a 504 Status when it does not come. */
  async reached(revision: number): Promise<void> {
    if (this.#revision >= revision) return
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiter: Waiter = { revision, resolve: () => resolve(true) }
    this.#waiters.push(waiter)
    const timer = this.#clock.setTimeout(() => resolve(false), freshnessTimeoutMs, { unref: true })
    const isReached = await promise
    timer.cancel()
    if (isReached) return
    this.#waiters = this.#waiters.filter((other) => other !== waiter)
    throw tooLarge(revision, this.#revision)
  }

  /** Calls back whenever the revision has moved on. */
  onProgress(callback: (revision: number) => void): () => void {
    this.#progress.add(callback)
    return () => this.#progress.delete(callback)
  }

  #begin(): void {
    const watch = this.#store.watch({ prefix: registryPrefix, afterRevision: this.#revision }, (batch) => {
      if (batch.events.length > 0) this.#deal(batch.events)
      this.#advance(batch.revision)
    })
    this.#watch = watch
    void watch.ended.then((error) => {
      if (this.#isStopped) return
      this.#log.warn("watch of the store ended; caches start afresh", {
        reason: error ? errorMessage(error) : "closed",
      })
      void this.#restart()
    })
  }

  async #restart(): Promise<void> {
    while (!this.#isStopped) {
      try {
        this.#revision = Math.max(await this.#store.currentRevision(), this.#revision)
        for (const listener of this.#listeners.values()) listener.onReset()
        this.#begin()
        return
      } catch (error) {
        this.#log.error("the store cannot be reached", { reason: errorMessage(error) })
        await sleep(this.#clock, 1000)
      }
    }
  }

  #deal(events: readonly StoreEvent[]): void {
    if (events.length === 1) {
      const prefix = prefixOf(events[0]!.kv.key, this.#listeners)
      if (prefix) this.#listeners.get(prefix)?.onEvents(events)
      return
    }
    const byPrefix = new Map<string, StoreEvent[]>()
    for (const event of events) {
      const prefix = prefixOf(event.kv.key, this.#listeners)
      if (!prefix) continue
      const group = byPrefix.get(prefix)
      if (group) group.push(event)
      else byPrefix.set(prefix, [event])
    }
    for (const [prefix, group] of byPrefix) this.#listeners.get(prefix)?.onEvents(group)
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return
    this.#revision = revision
    if (this.#waiters.length > 0) {
      const due = this.#waiters.filter((waiter) => waiter.revision <= revision)
      this.#waiters = this.#waiters.filter((waiter) => waiter.revision > revision)
      for (const waiter of due) waiter.resolve()
    }
    for (const callback of this.#progress) callback(revision)
  }
}

/** `/registry/pods/…` or `/registry/apps/deployments/…`: the first that somebody listens to. */
function prefixOf(key: string, listeners: ReadonlyMap<string, unknown>): string | undefined {
  const first = key.indexOf("/", registryPrefix.length)
  const short = key.slice(0, first + 1)
  if (listeners.has(short)) return short
  const second = key.indexOf("/", first + 1)
  if (second < 0) return undefined
  const long = key.slice(0, second + 1)
  return listeners.has(long) ? long : undefined
}

/** 504: the revision asked for is ahead of what this server knows. */
export function tooLarge(revision: number, current: number): StatusError {
  const message = `Too large resource version: ${revision}, current: ${current}`
  return newStatusError("Timeout", message, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  })
}
