import { type Clock, errorMessage, type Logger } from "@ladya/util"
import { deliver } from "../mvcc/deliver.ts"
import { type LiveRecipient, ProgressNotices } from "../mvcc/progress-notices.ts"
import { CompactedError, type StoreEvent, type Watch, type WatchBatch, type WatchOptions } from "../store.ts"
import type { EtcdConnection } from "./connection.ts"
import type { EtcdEvent } from "./messages.ts"

interface Watcher extends LiveRecipient {
  /** Ends the stream that lets it catch up. */
  readonly abort: AbortController
}

export interface EtcdHubDeps {
  connection: EtcdConnection
  clock: Clock
  log: Logger
  currentRevision(): Promise<number>
  /** As the store's callers see it; undefined for a key of somebody else's. */
  decode(event: EtcdEvent): StoreEvent | undefined
}

/** A writer is not kept waiting longer than this for its event. */
const reachTimeoutMs = 3000

/**
 * One watch of everything in etcd, dealt out to the watchers here. It sees every revision, so its position is known
 * without asking: etcd's own progress notices may overtake events (before 3.4.25 and 3.5.8).
 * Who starts in the past catches up by a stream of its own.
 */
export class EtcdHub {
  readonly #deps: EtcdHubDeps
  readonly #watchers = new Set<Watcher>()
  readonly #closing = new AbortController()
  readonly #started = Promise.withResolvers<void>()
  #waiters: { revision: number; resolve: () => void }[] = []
  #stream: AbortController | undefined
  /** Everything up to this revision was handed to the live watchers; 0 before the first contact. */
  #revision = 0
  readonly #progress = new ProgressNotices(this.#watchers, () => this.#revision)
  #hasStarted = false

  constructor(deps: EtcdHubDeps) {
    this.#deps = deps
  }

  begin(): void {
    void this.#run()
  }

  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** Resolves when watches see what is written from here on. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    const watcher: Watcher = {
      prefix: options.prefix,
      onBatch,
      end: (error) => {
        if (!this.#watchers.delete(watcher)) return
        watcher.abort.abort()
        resolve(error)
      },
      // All that this process has been answered is at or before the hub's revision.
      delivered: options.afterRevision ?? this.#revision,
      isLive: false,
      abort: new AbortController(),
    }
    this.#watchers.add(watcher)
    if (this.#revision > 0) queueMicrotask(() => this.#enter(watcher))
    return { cancel: () => watcher.end(undefined), ended: promise }
  }

  /** Resolves when the live watchers have seen this revision, or after some seconds without it. */
  async reached(revision: number): Promise<void> {
    if (this.#revision >= revision) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { revision, resolve }
    this.#waiters.push(waiter)
    const timer = this.#deps.clock.setTimeout(
      () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        // A stream that keeps silent is as good as broken.
        this.#stream?.abort(new Error("etcd's watch is behind its writes"))
        resolve()
      },
      reachTimeoutMs,
      { unref: true },
    )
    await promise
    timer.cancel()
  }

  /** Ends all watches with this error. */
  close(error: Error): void {
    this.#closing.abort(error)
    this.#started.resolve()
    this.#stream?.abort(error)
    for (const watcher of [...this.#watchers]) watcher.end(error)
    for (const waiter of this.#waiters) waiter.resolve()
  }

  async #run(): Promise<void> {
    const { connection, currentRevision, log } = this.#deps
    while (!this.#closing.signal.aborted) {
      try {
        if (this.#revision === 0) this.#start(await currentRevision())
        this.#stream = new AbortController()
        await connection.watch(this.#revision, this.#stream.signal, (events) => this.#dispatch(events))
      } catch (error) {
        if (this.#closing.signal.aborted) return
        if (error instanceof CompactedError) this.#endLive(error)
        log.info("watch of etcd starts again", { revision: this.#revision, reason: errorMessage(error) })
      }
      await connection.pause()
    }
  }

  #start(revision: number): void {
    if (this.#closing.signal.aborted) return
    this.#revision = revision
    for (const watcher of this.#watchers) {
      if (watcher.isLive) continue
      if (watcher.delivered === 0) watcher.delivered = revision
      this.#enter(watcher)
    }
    this.#hasStarted = true
    this.#started.resolve()
  }

  /** What came between is compacted away: who watches has to start afresh. */
  #endLive(error: CompactedError): void {
    this.#revision = 0
    for (const watcher of [...this.#watchers]) if (watcher.isLive) watcher.end(error)
  }

  #dispatch(events: readonly EtcdEvent[]): void {
    const batch = this.#batchOf(events)
    // The stream was begun anew and tells the last revision again.
    if (batch.revision <= this.#revision) return
    this.#revision = batch.revision
    for (const watcher of this.#watchers) if (watcher.isLive) deliver(watcher, batch)
    this.#progress.schedule()
    if (this.#waiters.length === 0) return
    const due = this.#waiters.filter((waiter) => waiter.revision <= batch.revision)
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > batch.revision)
    for (const waiter of due) waiter.resolve()
  }

  #batchOf(events: readonly EtcdEvent[]): WatchBatch {
    const decoded: StoreEvent[] = []
    for (const event of events) {
      const own = this.#deps.decode(event)
      if (own) decoded.push(own)
    }
    return { revision: events.at(-1)?.kv.modRevision ?? 0, events: decoded }
  }

  #enter(watcher: Watcher): void {
    if (!this.#watchers.has(watcher) || watcher.isLive) return
    if (watcher.delivered < this.#revision) void this.#catchUp(watcher)
    else this.#goLive(watcher)
  }

  #goLive(watcher: Watcher): void {
    watcher.isLive = true
    this.#progress.schedule()
  }

  async #catchUp(watcher: Watcher): Promise<void> {
    const { connection, log } = this.#deps
    const { signal } = watcher.abort
    let position = watcher.delivered
    while (!signal.aborted) {
      try {
        await connection.watch(position, signal, (events) => {
          const batch = this.#batchOf(events)
          position = batch.revision
          deliver(watcher, batch)
          if (signal.aborted || position < this.#revision) return
          watcher.delivered = Math.max(watcher.delivered, position)
          this.#goLive(watcher)
          watcher.abort.abort()
        })
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof CompactedError) return watcher.end(error)
        log.info("catching up with etcd starts again", { revision: position, reason: errorMessage(error) })
      }
      await connection.pause()
    }
  }
}
