import { type Clock, type Logger, type Random, sleep } from "@ladya/util"
import { closedError } from "../mvcc/indexed-store.ts"
import { noValue } from "../mvcc/mvcc-index.ts"
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
import { EtcdConnection, type EtcdTls } from "./connection.ts"
import { isCompacted, isFutureRevision, isLeaseNotFound, rethrow } from "./errors.ts"
import { EtcdHub } from "./etcd-hub.ts"
import { behind, rangeOf } from "./keys.ts"
import { Leases } from "./leases.ts"
import type { EtcdEvent, EtcdKeyValue, RangeRequest, RangeResponse, TxnRequest, TxnResponse } from "./messages.ts"
import { OffsetStore } from "./offset-store.ts"
import { readOffset } from "./transfer-mark.ts"
import { txnOf, type Write } from "./txn.ts"

export interface EtcdStoreDeps {
  /** `host:port` of every member; one is used until it fails. */
  endpoints: readonly string[]
  /** Plain text unless given. */
  tls?: EtcdTls
  /** Before every key, for an etcd that has other users. None unless told. */
  prefix?: string
  clock: Clock
  log: Logger
  /** Of lease ids. */
  random: Random
  /** How long all members may fail before a call throws StoreUnavailableError, in milliseconds; 10,000 unless told. */
  unavailableAfterMs?: number
}

/** Long lists are fetched in parts, so that none holds the process up. */
const pageSize = 2000
/** Between two tries of a watch to begin. */
const beginRetryMs = 200

class EtcdStore implements Store {
  readonly #connection: EtcdConnection
  readonly #hub: EtcdHub
  readonly #leases: Leases
  readonly #prefix: string
  /** The last write of each key that is still on its way: writes of one key are made in the order they came. */
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #inFlight = new Set<Promise<unknown>>()
  /** Values on their way to etcd: the events that bring them back carry the same buffers. */
  readonly #writing = new Map<string, Buffer>()
  #nextLook: Promise<number> | undefined
  #look: Promise<number> | undefined
  #closed = false

  constructor(deps: EtcdStoreDeps) {
    const { clock, log, random } = deps
    this.#prefix = deps.prefix ?? ""
    this.#connection = new EtcdConnection({ ...deps, unavailableAfterMs: deps.unavailableAfterMs ?? 10_000 })
    this.#leases = new Leases({ connection: this.#connection, clock, random })
    this.#hub = new EtcdHub({
      ...{ connection: this.#connection, clock, log },
      currentRevision: () => this.#lookUpRevision(),
      decode: (event) => this.#eventOf(event),
    })
    this.#hub.begin()
  }

  currentRevision(): Promise<number> {
    if (this.#closed) return Promise.reject(closedError())
    // Whoever asks while one question is out shares the next: its answer covers them all.
    if (this.#look) {
      this.#nextLook ??= this.#look.then(
        () => this.#startLook(),
        () => this.#startLook(),
      )
      return this.#nextLook
    }
    return this.#startLook()
  }

  async get(key: string, options?: { revision?: number }): Promise<{ kv: KeyValue | undefined; revision: number }> {
    const answer = await this.#range({ key: this.#keyOf(key), revision: options?.revision ?? 0 })
    const kv = answer.kvs[0]
    return { kv: kv && this.#kvOf(kv), revision: options?.revision ?? answer.header.revision }
  }

  async list(options: ListOptions): Promise<ListResult> {
    const range = rangeOf(this.#keyOf(options.prefix))
    const items: KeyValue[] = []
    let { key } = range
    if (options.after !== undefined) {
      const after = behind(this.#keyOf(options.after))
      if (Buffer.compare(after, key) > 0) key = after
      if (range.rangeEnd.length > 1 && Buffer.compare(key, range.rangeEnd) >= 0) key = range.rangeEnd
    }
    let revision = options.revision ?? 0
    for (;;) {
      const wanted = options.limit ? options.limit - items.length : pageSize
      const limit = Math.min(wanted, pageSize)
      const answer = await this.#range({ key, rangeEnd: range.rangeEnd, limit, revision })
      if (revision === 0) revision = answer.header.revision
      for (const kv of answer.kvs) items.push(this.#kvOf(kv))
      const remaining = answer.count - answer.kvs.length
      const last = answer.kvs.at(-1)
      if (remaining === 0 || !last || limit === options.limit || items.length === options.limit) {
        return { items, revision, remaining }
      }
      key = behind(last.key)
    }
  }

  create(key: string, value: Buffer, options?: WriteOptions): Promise<WriteResult> {
    return this.#write({ key, value, expectedRevision: 0, ttlSeconds: options?.ttlSeconds })
  }

  async update(key: string, value: Buffer, expectedRevision: number, options?: WriteOptions): Promise<WriteResult> {
    return this.#write({ key, value, expectedRevision: expectedRevision || -1, ttlSeconds: options?.ttlSeconds })
  }

  delete(key: string, expectedRevision: number): Promise<WriteResult> {
    return this.#write({ key, value: undefined, expectedRevision: expectedRevision || -1, ttlSeconds: undefined })
  }

  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch {
    if (this.#closed) return { cancel: () => undefined, ended: Promise.resolve(closedError()) }
    return this.#hub.watch(options, onBatch)
  }

  async compact(revision: number): Promise<void> {
    if (this.#closed) throw closedError()
    try {
      await this.#connection.call("KV.Compact", { revision })
    } catch (error) {
      // Somebody has done it already.
      if (isCompacted(error)) return
      await this.#rethrow(error)
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#inFlight)
    this.#hub.close(closedError())
    this.#connection.close()
  }

  #keyOf(key: string): Buffer {
    return Buffer.from(this.#prefix + key)
  }

  /** Copied: what is decoded would keep the whole message in memory. */
  #kvOf(kv: EtcdKeyValue): KeyValue {
    const key = kv.key.toString("utf8").slice(this.#prefix.length)
    return { key, value: Buffer.from(kv.value), createRevision: kv.createRevision, modRevision: kv.modRevision }
  }

  #eventOf({ type, kv, prevKv }: EtcdEvent): StoreEvent | undefined {
    const key = kv.key.toString("utf8")
    if (!key.startsWith(this.#prefix)) return undefined
    const previous = prevKv ? this.#kvOf(prevKv) : undefined
    if (type === "DELETE") {
      const gone = { key: key.slice(this.#prefix.length), value: noValue, modRevision: kv.modRevision }
      return { type: "delete", kv: { ...gone, createRevision: previous?.createRevision ?? 0 }, previous }
    }
    const decoded = this.#kvOf(kv)
    const own = this.#writing.get(decoded.key)
    return { type: "put", kv: own?.equals(decoded.value) ? { ...decoded, value: own } : decoded, previous }
  }

  #startLook(): Promise<number> {
    this.#nextLook = undefined
    const look = this.#lookUpRevision().finally(() => {
      if (this.#look === look) this.#look = undefined
    })
    this.#look = look
    return look
  }

  async #lookUpRevision(): Promise<number> {
    const request = { key: Buffer.from([0]), countOnly: true }
    const { answer } = await this.#connection.call("KV.Range", request).catch(rethrow)
    return answer.header.revision
  }

  async #range(request: RangeRequest): Promise<RangeResponse> {
    if (this.#closed) throw closedError()
    try {
      return (await this.#connection.call("KV.Range", request)).answer
    } catch (error) {
      return await this.#rethrow(error)
    }
  }

  #write(write: Write): Promise<WriteResult> {
    if (this.#closed) return Promise.reject(closedError())
    const before = this.#tails.get(write.key)
    const sent = before ? before.then(() => this.#send(write)) : this.#send(write)
    const tail = sent.catch(() => undefined)
    this.#tails.set(write.key, tail)
    const result = sent.then((done) => this.#acknowledge(write, done))
    const settled = result
      .catch(() => undefined)
      .finally(() => {
        this.#inFlight.delete(settled)
        if (this.#tails.get(write.key) === tail) this.#tails.delete(write.key)
        if (this.#writing.get(write.key) === write.value) this.#writing.delete(write.key)
      })
    this.#inFlight.add(settled)
    return result
  }

  async #send(write: Write): Promise<{ answer: TxnResponse; attempts: number }> {
    // Where no member answers the first question, that is the answer to the write.
    if (!this.#hub.hasStarted) {
      await this.#lookUpRevision()
      await this.#hub.started
    }
    if (write.value) this.#writing.set(write.key, write.value)
    const key = this.#keyOf(write.key)
    for (let renewals = 0; ; renewals++) {
      try {
        const lease = write.ttlSeconds === undefined ? 0 : await this.#leases.take(write.ttlSeconds)
        const request: TxnRequest = txnOf(write, key, lease)
        return await this.#connection.call("KV.Txn", request)
      } catch (error) {
        if (!isLeaseNotFound(error) || renewals > 0) rethrow(error)
        this.#leases.forget()
      }
    }
  }

  /** The writer is answered when the watches here have seen its event, as with an embedded store. */
  async #acknowledge(
    write: Write,
    { answer, attempts }: { answer: TxnResponse; attempts: number },
  ): Promise<WriteResult> {
    const shown = answer.responses.at(-1)?.responseRange?.kvs[0]
    if (!answer.succeeded) {
      const current = shown && this.#kvOf(shown)
      // An earlier try was done after all, and only its answer was lost.
      if (!current || attempts === 1 || !isOutcome(current, write)) return { ok: false, current }
      await this.#hub.reached(current.modRevision)
      return { ok: true, kv: { ...current, value: write.value ?? current.value } }
    }
    const { revision } = answer.header
    await this.#hub.reached(revision)
    if (!write.value) {
      const gone = answer.responses[0]?.responseDeleteRange?.prevKvs[0]
      if (!gone) throw new Error("etcd deleted a key and did not show it")
      return { ok: true, kv: { ...this.#kvOf(gone), modRevision: revision } }
    }
    const createRevision = shown?.createRevision ?? revision
    return { ok: true, kv: { key: write.key, value: write.value, createRevision, modRevision: revision } }
  }

  async #rethrow(error: unknown): Promise<never> {
    if (isFutureRevision(error)) throw new FutureRevisionError(await this.currentRevision())
    if (isCompacted(error)) throw new CompactedError(await this.#compactedRevision())
    rethrow(error)
  }

  /** etcd tells it only to those who watch from before it. */
  async #compactedRevision(): Promise<number> {
    for (;;) {
      try {
        await this.#connection.watch(1, AbortSignal.timeout(5000), () => undefined)
      } catch (error) {
        if (error instanceof CompactedError) return error.compactedRevision
        if (error instanceof DOMException || this.#closed) return 0
        await this.#connection.pause()
      }
    }
  }
}

/** True when this version is what the write was to make. */
function isOutcome(current: KeyValue, { value, expectedRevision }: Write): boolean {
  if (!value?.equals(current.value)) return false
  if (expectedRevision === 0) return current.createRevision === current.modRevision
  return current.modRevision > expectedRevision
}

/**
 * A store in an etcd cluster (API v3). Reads are linearizable; the revision counter is etcd's own. Connects by itself and
 * goes on with another member when one fails. A write whose answer was lost is repeated: its condition keeps it from
 * being done twice.
 */
export function newEtcdStore(deps: EtcdStoreDeps): Store {
  const own = newBareEtcdStore(deps)
  const pause = (): Promise<void> => sleep(deps.clock, beginRetryMs)
  return new OffsetStore(own, () => readOffset(own), pause)
}

/** The same with etcd's own revisions, whatever was copied into it. */
export function newBareEtcdStore(deps: EtcdStoreDeps): Store {
  return new EtcdStore(deps)
}
