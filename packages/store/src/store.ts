/** One version of one key. Revisions are positive integers, one counter for the whole store. */
export interface KeyValue {
  readonly key: string
  /** Never written to after it was handed over: readers may keep it and compare it by identity. */
  readonly value: Buffer
  /** The revision at which the key came to be. */
  readonly createRevision: number
  /** The revision of this version. */
  readonly modRevision: number
}

export interface StoreEvent {
  readonly type: "put" | "delete"
  /** For a delete: the key, the revision of the deletion, and an empty value. */
  readonly kv: KeyValue
  /** The version before, when there was one. Its value may be empty where the engine has compacted it. */
  readonly previous: KeyValue | undefined
}

/** Events of one or more consecutive revisions, in order. Empty events: a progress notice. */
export interface WatchBatch {
  /** Everything up to and including this revision has been delivered. */
  readonly revision: number
  readonly events: readonly StoreEvent[]
}

export interface ListOptions {
  /** Keys that start with this. */
  prefix: string
  /** Only keys after this one (exclusive), for paging. */
  after?: string
  /** At most so many; all unless told. */
  limit?: number
  /** The state as of this revision; the newest unless told. */
  revision?: number
}

export interface ListResult {
  readonly items: readonly KeyValue[]
  /** The revision the answer shows. */
  readonly revision: number
  /** How many more there are behind the last item. */
  readonly remaining: number
}

export type WriteResult =
  | { readonly ok: true; readonly kv: KeyValue }
  /** The condition did not hold; `current` is what stands there, undefined when nothing does. */
  | { readonly ok: false; readonly current: KeyValue | undefined }

export interface WriteOptions {
  /** The key is deleted this many seconds after the write unless written again. */
  ttlSeconds?: number
}

export interface WatchOptions {
  prefix: string
  /** Events with a revision greater than this; the present unless told. */
  afterRevision?: number
}

export interface Watch {
  /** No callback comes after this returns. */
  cancel(): void
  /** Resolves when the watch ends: with an error when it did not end by `cancel`. */
  readonly ended: Promise<Error | undefined>
}

/**
 * An MVCC key-value store. Every driver passes contract.ts.
 * A write is acknowledged when it is as durable as the engine makes it, and is seen by reads and watches only then.
 */
export interface Store {
  /** The newest revision. A store that was never written to is at revision 1. */
  currentRevision(): Promise<number>
  /** Throws CompactedError or FutureRevisionError for a `revision` that is not to be had. */
  get(key: string, options?: { revision?: number }): Promise<{ kv: KeyValue | undefined; revision: number }>
  /** Items are in the order of their keys' bytes. Throws as `get` does. */
  list(options: ListOptions): Promise<ListResult>
  /** Fails when the key is there. */
  create(key: string, value: Buffer, options?: WriteOptions): Promise<WriteResult>
  /** Fails when the key's modRevision is another. */
  update(key: string, value: Buffer, expectedRevision: number, options?: WriteOptions): Promise<WriteResult>
  /** Fails when the key's modRevision is another. On success `kv` is the version that was deleted, with the revision of the deletion. */
  delete(key: string, expectedRevision: number): Promise<WriteResult>
  /** Calls `onBatch` in order of revision, never twice for one revision. Ends with a CompactedError when `afterRevision` is gone. */
  watch(options: WatchOptions, onBatch: (batch: WatchBatch) => void): Watch
  /** Forgets versions that were overwritten or deleted at or before this revision. */
  compact(revision: number): Promise<void>
  /** Ends all watches and releases the engine. Writes in flight are finished first. */
  close(): Promise<void>
}

/** The revision asked for was compacted away. */
export class CompactedError extends Error {
  override name = "CompactedError"
  readonly compactedRevision: number
  constructor(compactedRevision: number) {
    super(`the revision asked for is gone: the store is compacted at ${compactedRevision}`)
    this.compactedRevision = compactedRevision
  }
}

/** The revision asked for has not been reached. */
export class FutureRevisionError extends Error {
  override name = "FutureRevisionError"
  readonly currentRevision: number
  constructor(currentRevision: number) {
    super(`the revision asked for is in the future: the store is at ${currentRevision}`)
    this.currentRevision = currentRevision
  }
}

/** The store cannot take the write (disk full, engine closed). Nothing was changed. */
export class StoreUnavailableError extends Error {
  override name = "StoreUnavailableError"
}
