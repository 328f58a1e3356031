import type { Clock } from "@ladya/util"
import {
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Store,
  StoreUnavailableError,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WriteOptions,
  type WriteResult,
} from "../store.ts"
import { type Expiry, ExpiryQueue, expiryTime } from "./expiry-queue.ts"
import { MvccIndex, noValue } from "./mvcc-index.ts"
import { WatchHub } from "./watch-hub.ts"

/** A write with its condition, before it is known whether it holds. */
export interface Write {
  readonly key: string
  /** `noValue` deletes. */
  readonly value: Buffer
  /** The modRevision that must stand there; 0: nothing must. */
  readonly expectedRevision: number
  /** Milliseconds since the epoch; 0: never. */
  readonly expiresAt: number
}

/** What a write makes when its condition holds: the version to be applied. Undefined when it does not hold. */
export function versionOf(write: Write, current: KeyValue | undefined, revision: number): KeyValue | undefined {
  if ((current?.modRevision ?? 0) !== write.expectedRevision) return undefined
  // A deletion of what is not there, with expectedRevision 0, is no write.
  if (!current && write.value === noValue) return undefined
  return {
    key: write.key,
    value: write.value,
    createRevision: current?.createRevision ?? revision,
    modRevision: revision,
  }
}

/** The answer to a write whose version was applied. */
export function successOf(kv: KeyValue, previous: KeyValue | undefined): WriteResult {
  return { ok: true, kv: kv.value === noValue && previous ? { ...kv, value: previous.value } : kv }
}

/** A store whose reads and watches come from the in-memory index; a driver adds how writes are made durable. */
export abstract class IndexedStore implements Store {
  protected readonly index = new MvccIndex()
  protected readonly hub = new WatchHub(this.index)
  protected readonly expiries: ExpiryQueue
  protected closed = false
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
    this.expiries = new ExpiryQueue(clock, (due) => this.#expire(due))
  }

  /** Makes the write durable, applies it and tells the watchers. */
  protected abstract write(write: Write): Promise<WriteResult>

  abstract compact(revision: number): Promise<void>
  abstract close(): Promise<void>

  async currentRevision(): Promise<number> {
    this.checkOpen()
    return this.index.revision
  }

  async get(key: string, options?: { revision?: number }): Promise<{ kv: KeyValue | undefined; revision: number }> {
    this.checkOpen()
    const kv = this.index.get(key, options?.revision)
    return { kv, revision: options?.revision ?? this.index.revision }
  }

  async list(options: ListOptions): Promise<ListResult> {
    this.checkOpen()
    return this.index.list(options)
  }

  create(key: string, value: Buffer, options?: WriteOptions): Promise<WriteResult> {
    return this.#put(key, value, 0, options)
  }

  update(key: string, value: Buffer, expectedRevision: number, options?: WriteOptions): Promise<WriteResult> {
    // Zero is no revision: it must not turn an update into a create.
    return this.#put(key, value, expectedRevision || -1, options)
  }

  delete(key: string, expectedRevision: number): Promise<WriteResult> {
    return this.write({ key, value: noValue, expectedRevision: expectedRevision || -1, expiresAt: 0 })
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    this.checkOpen()
    return this.hub.watch(options, onBatch)
  }

  /** Applies a durable version to the index and notes its expiry. The caller dispatches afterwards. */
  protected applyVersion(kv: KeyValue, expiresAt: number): WriteResult {
    const { previous } = this.index.apply(kv)
    if (expiresAt > 0) this.expiries.add({ at: expiresAt, key: kv.key, revision: kv.modRevision })
    return successOf(kv, previous)
  }

  protected checkOpen(): void {
    if (this.closed) throw closedError()
  }

  #put(key: string, value: Buffer, expectedRevision: number, options: WriteOptions | undefined): Promise<WriteResult> {
    const expiresAt = options?.ttlSeconds === undefined ? 0 : expiryTime(this.#clock, options.ttlSeconds)
    return this.write({ key, value: value === noValue ? Buffer.alloc(0) : value, expectedRevision, expiresAt })
  }

  #expire(due: readonly Expiry[]): void {
    for (const expiry of due) {
      this.delete(expiry.key, expiry.revision).catch(() => {
        // The engine is not available now: try again, it must go in the end.
        if (!this.closed) this.expiries.add({ ...expiry, at: this.#clock.now() + 10_000 })
      })
    }
  }
}

export function closedError(): StoreUnavailableError {
  return new StoreUnavailableError("the store is closed")
}
