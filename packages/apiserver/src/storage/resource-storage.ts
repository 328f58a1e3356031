import type { KindDefinition } from "@ladya/api"
import { type KubeObject, newStatusError } from "@ladya/apimachinery"
import { type KeyValue, type Store, StoreUnavailableError, type WriteOptions, type WriteResult } from "@ladya/store"
import { Entry, handOver } from "./entry.ts"
import { ResourceCache } from "./resource-cache.ts"
import { newStoredShape, type StoredShape } from "./shape.ts"
import type { StoreFeed } from "./store-feed.ts"
import { Watchers } from "./watchers.ts"

/** Events are forgotten an hour after they were last written. By `group/resource`. */
const ttlSeconds: Readonly<Record<string, number>> = { "/events": 3600 }

export type WriteOutcome =
  | { readonly ok: true; readonly entry: Entry }
  /** Somebody was faster; `current` is what stands there now. */
  | { readonly ok: false; readonly current: Entry | undefined }

export interface ResourceStorageDeps {
  /** The stored version of the kind. */
  kind: KindDefinition
  store: Store
  feed: StoreFeed
  watchers: ConstructorParameters<typeof Watchers>[0]
}

/** Where the objects of one resource are kept, in whatever version they are asked for. */
export class ResourceStorage {
  readonly kind: KindDefinition
  readonly shape: StoredShape
  readonly cache: ResourceCache
  readonly watchers: Watchers
  readonly #store: Store
  readonly #feed: StoreFeed
  readonly #options: WriteOptions

  constructor(deps: ResourceStorageDeps) {
    this.kind = deps.kind
    const ttl = ttlSeconds[`${deps.kind.storage.group}/${deps.kind.storage.resource}`]
    this.#options = ttl === undefined ? {} : { ttlSeconds: ttl }
    this.shape = newStoredShape(deps.kind)
    this.#store = deps.store
    this.#feed = deps.feed
    this.cache = new ResourceCache({ shape: this.shape, store: deps.store, feed: deps.feed })
    this.watchers = new Watchers(deps.watchers, this.cache)
  }

  /** The key below the resource's prefix. */
  keyOf(namespace: string, name: string): string {
    return this.kind.namespaced ? `${namespace}/${name}` : name
  }

  /** Makes the cache show everything acknowledged so far; returns the revision it shows. */
  async fresh(): Promise<number> {
    const loading = this.cache.ready()
    if (loading) await loading
    await this.#feed.fresh().catch(rethrowUnreadable)
    return this.cache.revision
  }

  /** Makes the cache show at least this revision. Throws a 504 Status when that is still to come. */
  async notOlderThan(revision: number): Promise<void> {
    const loading = this.cache.ready()
    if (loading) await loading
    if (this.cache.revision < revision) await this.#feed.reached(revision)
  }

  /** The object as of all writes acknowledged so far. */
  async get(key: string): Promise<Entry | undefined> {
    await this.fresh()
    return this.cache.get(key)
  }

  /** Ends the watches: the resource is served no longer, or in another way. */
  close(): void {
    this.watchers.endAll()
  }

  /** The bytes a draft would be stored as. */
  encode(draft: KubeObject): Buffer {
    return this.shape.encode(draft)
  }

  /** `draft` belongs to the storage from here on. */
  async create(key: string, draft: KubeObject): Promise<WriteOutcome> {
    const value = this.shape.encode(draft)
    handOver(value, draft, this.shape)
    return this.#outcome(() => this.#store.create(this.shape.prefix + key, value, this.#options))
  }

  async update(key: string, value: Buffer, draft: KubeObject, expectedRevision: number): Promise<WriteOutcome> {
    handOver(value, draft, this.shape)
    return this.#outcome(() => this.#store.update(this.shape.prefix + key, value, expectedRevision, this.#options))
  }

  /** On success `entry` is what was deleted, with the revision of the deletion. */
  async delete(key: string, expectedRevision: number): Promise<WriteOutcome> {
    const before = this.cache.get(key)
    const outcome = await this.#outcome(() => this.#store.delete(this.shape.prefix + key, expectedRevision))
    if (!outcome.ok || before?.revision !== expectedRevision) return outcome
    return { ok: true, entry: before.at(outcome.entry.revision) }
  }

  async #outcome(write: () => Promise<WriteResult>): Promise<WriteOutcome> {
    const result = await write().catch(rethrowUnavailable)
    if (result.ok) return { ok: true, entry: this.#entryOf(result.kv) }
    return { ok: false, current: result.current && this.#entryOf(result.current) }
  }

  // The cache mostly has it by now: then its decoded object is shared.
  #entryOf(kv: KeyValue): Entry {
    const cached = this.cache.get(kv.key.slice(this.shape.prefix.length))
    return cached?.revision === kv.modRevision && cached.value === kv.value ? cached : Entry.of(this.shape, kv)
  }
}

function rethrowUnreadable(error: unknown): never {
  if (error instanceof StoreUnavailableError) {
    throw newStatusError("ServiceUnavailable", `the store does not answer: ${error.message}`)
  }
  throw error
}

function rethrowUnavailable(error: unknown): never {
  if (error instanceof StoreUnavailableError) {
    throw newStatusError("ServiceUnavailable", `the store does not take the write: ${error.message}`)
  }
  throw error
}
