import { closedError } from "../mvcc/indexed-store.ts"
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type ListOptions,
  type ListResult,
  type Store,
  type StoreEvent,
  type Watch,
  type WatchBatch,
  type WatchOptions,
  type WriteOptions,
  type WriteResult,
} from "../store.ts"

/**
 * A store whose revisions are another's plus a number: etcd counts from 1, and what was copied into it has been counted
 * further already. Clients never see a revision go back; what was before the copy is compacted.
 */
export class OffsetStore implements Store {
  readonly #inner: Store
  readonly #readOffset: () => Promise<number>
  readonly #pause: () => Promise<void>
  #offset: number | undefined
  #reading: Promise<number> | undefined
  #isClosed = false

  /** `readOffset` is asked until it answers, and never again; `pause` is between two tries of a watch to begin. */
  constructor(inner: Store, readOffset: () => Promise<number>, pause: () => Promise<void>) {
    this.#inner = inner
    this.#readOffset = readOffset
    this.#pause = pause
  }

  async currentRevision(): Promise<number> {
    const offset = this.#offset ?? (await this.#ready())
    return (await this.#inner.currentRevision()) + offset
  }

  async get(key: string, options?: { revision?: number }): Promise<{ kv: KeyValue | undefined; revision: number }> {
    const offset = this.#offset ?? (await this.#ready())
    if (offset === 0) return this.#inner.get(key, options)
    const own = options?.revision === undefined ? undefined : { revision: within(options.revision, offset) }
    const { kv, revision } = await shifting(offset, this.#inner.get(key, own))
    return { kv: kv && raised(kv, offset), revision: revision + offset }
  }

  async list(options: ListOptions): Promise<ListResult> {
    const offset = this.#offset ?? (await this.#ready())
    if (offset === 0) return this.#inner.list(options)
    const own = options.revision ? { ...options, revision: within(options.revision, offset) } : options
    const { items, revision, remaining } = await shifting(offset, this.#inner.list(own))
    return { items: items.map((kv) => raised(kv, offset)), revision: revision + offset, remaining }
  }

  async create(key: string, value: Buffer, options?: WriteOptions): Promise<WriteResult> {
    const offset = this.#offset ?? (await this.#ready())
    return raisedResult(await this.#inner.create(key, value, options), offset)
  }

  async update(key: string, value: Buffer, expectedRevision: number, options?: WriteOptions): Promise<WriteResult> {
    const offset = this.#offset ?? (await this.#ready())
    return raisedResult(await this.#inner.update(key, value, lowered(expectedRevision, offset), options), offset)
  }

  async delete(key: string, expectedRevision: number): Promise<WriteResult> {
    const offset = this.#offset ?? (await this.#ready())
    return raisedResult(await this.#inner.delete(key, lowered(expectedRevision, offset)), offset)
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    if (this.#offset !== undefined) return this.#watchFrom(this.#offset, options, onBatch)
    const { promise, resolve } = Promise.withResolvers<Error | undefined>()
    let isCancelled = false
    let inner: Watch | undefined
    void this.#eventually().then((offset) => {
      if (isCancelled) return
      if (offset === undefined) return resolve(closedError())
      inner = this.#watchFrom(offset, options, onBatch)
      void inner.ended.then(resolve)
    })
    return {
      cancel: () => {
        isCancelled = true
        if (inner) inner.cancel()
        else resolve(undefined)
      },
      ended: promise,
    }
  }

  async compact(revision: number): Promise<void> {
    const offset = this.#offset ?? (await this.#ready())
    if (revision > offset) await shifting(offset, this.#inner.compact(revision - offset))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    // What came before goes on to the inner store first: it finishes what is in flight.
    await this.#reading?.catch(() => undefined)
    await this.#inner.close()
  }

  #ready(): Promise<number> {
    if (this.#isClosed) return Promise.reject(closedError())
    this.#reading ??= this.#readOffset().then(
      (offset) => {
        this.#offset = offset
        return offset
      },
      (error: unknown) => {
        this.#reading = undefined
        throw error
      },
    )
    return this.#reading
  }

  /** The offset as soon as it can be read; undefined when the store is closed before. */
  async #eventually(): Promise<number | undefined> {
    while (!this.#isClosed) {
      try {
        return await this.#ready()
      } catch {
        await this.#pause()
      }
    }
    return undefined
  }

  #watchFrom(offset: number, options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    if (offset === 0) return this.#inner.watch(options, onBatch)
    const { prefix, afterRevision } = options
    if (afterRevision !== undefined && afterRevision <= offset) {
      return { cancel: () => undefined, ended: Promise.resolve(new CompactedError(offset)) }
    }
    const own = afterRevision === undefined ? { prefix } : { prefix, afterRevision: afterRevision - offset }
    const { cancel, ended } = this.#inner.watch(own, ({ revision, events }) =>
      onBatch({ revision: revision + offset, events: events.map((event) => raisedEvent(event, offset)) }),
    )
    return { cancel, ended: ended.then((error) => error && shifted(error, offset)) }
  }
}

function raised(kv: KeyValue, offset: number): KeyValue {
  // 0: not known.
  const createRevision = kv.createRevision === 0 ? 0 : kv.createRevision + offset
  return { key: kv.key, value: kv.value, createRevision, modRevision: kv.modRevision + offset }
}

function raisedEvent({ type, kv, previous }: StoreEvent, offset: number): StoreEvent {
  return { type, kv: raised(kv, offset), previous: previous && raised(previous, offset) }
}

function raisedResult(result: WriteResult, offset: number): WriteResult {
  if (offset === 0) return result
  if (result.ok) return { ok: true, kv: raised(result.kv, offset) }
  return { ok: false, current: result.current && raised(result.current, offset) }
}

/** An expected revision as the inner store counts; one that never stands there for what is before its time. */
function lowered(expectedRevision: number, offset: number): number {
  return expectedRevision > offset ? expectedRevision - offset : -1
}

/** The revision that is asked for as the inner store counts. Throws a CompactedError for what is before its time. */
function within(revision: number, offset: number): number {
  if (revision <= offset) throw new CompactedError(offset)
  return revision - offset
}

function shifting<T>(offset: number, call: Promise<T>): Promise<T> {
  return call.catch((error: unknown) => {
    throw shifted(error as Error, offset)
  })
}

function shifted(error: Error, offset: number): Error {
  if (error instanceof CompactedError) return new CompactedError(error.compactedRevision + offset)
  if (error instanceof FutureRevisionError) return new FutureRevisionError(error.currentRevision + offset)
  return error
}
