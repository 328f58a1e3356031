import { type KubeObject, keyOf, keyText, type ObjectKey, type ResourceRef } from "@ladya/apimachinery"
import {
  type Clock,
  type Component,
  errorMessage,
  type Logger,
  newDeferred,
  type Random,
  systemRandom,
} from "@ladya/util"
import type { Client } from "../client.ts"
import { type Indexer, namespaceIndex, ObjectCache } from "./cache.ts"
import { Reflector, type Selection } from "./reflector.ts"

/** Told of changes, in order, right after the cache shows them. Must return at once and not throw. */
export interface EventHandler<T extends KubeObject> {
  add?(object: T): void
  /** `previous` has the same uid: an object that was deleted and made anew comes as delete and add. */
  update?(object: T, previous: T): void
  /** The last state seen, which may be older than the state at deletion. */
  delete?(object: T): void
}

/** A cache of one resource (or a selection of it) that the API keeps up to date. Its objects are frozen. */
export interface Informer<T extends KubeObject> extends Component {
  readonly ref: ResourceRef<T>
  readonly selection: Selection
  /** The first list is in the cache and was told to the handlers. */
  readonly hasSynced: boolean
  /** Resolves when `hasSynced`. */
  synced(): Promise<void>
  readonly size: number
  /** The version up to which the cache is up to date. */
  readonly resourceVersion: string | undefined
  get(key: ObjectKey | string): T | undefined
  /** Everything, in no particular order. */
  list(): readonly T[]
  values(): IterableIterator<T>
  inNamespace(namespace: string): readonly T[]
  byIndex(index: string, value: string): readonly T[]
  /** How many `byIndex` would find, at no cost. */
  countByIndex(index: string, value: string): number
  /** A name that is there already stays as it is. */
  addIndexer(name: string, indexer: Indexer<T>): void
  /** What is in the cache already is told as `add` at once. Returns what takes the handler away. */
  addHandler(handler: EventHandler<T>): () => void
}

export interface InformerOptions<T extends KubeObject> extends Selection {
  client: Client
  ref: ResourceRef<T>
  clock: Clock
  log: Logger
  random?: Random
  indexers?: Readonly<Record<string, Indexer<T>>>
  /** Applied to every object before it is kept: to drop what nobody reads. The answer must be frozen too. */
  transform?(object: T): T
}

/** An informer. `start` begins to list and watch and resolves when the first list is in. */
export function newInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  return new ReflectedInformer(options)
}

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly name: string
  readonly ref: ResourceRef<T>
  readonly selection: Selection
  readonly #cache = new ObjectCache<T>()
  readonly #handlers = new Set<EventHandler<T>>()
  readonly #reflector: Reflector<T>
  readonly #log: Logger
  readonly #transform: ((object: T) => T) | undefined
  readonly #synced = newDeferred<void>()
  readonly #stop = new AbortController()
  #hasSynced = false
  #running: Promise<void> | undefined

  constructor(options: InformerOptions<T>) {
    const { client, ref, clock, log, namespace, labelSelector, fieldSelector, indexers = {} } = options
    this.ref = ref
    this.name = `informer ${ref.resource}`
    this.selection = {
      ...(namespace ? { namespace } : {}),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    }
    this.#log = log.child({ informer: ref.resource })
    this.#transform = options.transform
    for (const [name, indexer] of Object.entries(indexers)) this.#cache.addIndexer(name, indexer)
    this.#reflector = new Reflector({
      resource: client.resource(ref),
      selection: this.selection,
      clock,
      log: this.#log,
      random: options.random ?? systemRandom,
      sink: {
        replace: (items) => this.#replace(items),
        apply: (event) => {
          if (event.type === "DELETED") this.#remove(event.object)
          else if (event.type !== "BOOKMARK") this.#put(event.object)
        },
      },
    })
  }

  get hasSynced(): boolean {
    return this.#hasSynced
  }

  get size(): number {
    return this.#cache.size
  }

  get resourceVersion(): string | undefined {
    return this.#reflector.version
  }

  synced(): Promise<void> {
    return this.#synced.promise
  }

  start(): Promise<void> {
    this.#running ??= this.#reflector.run(this.#stop.signal)
    return this.#synced.promise
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    // Whoever still waits for the first list would wait for ever.
    this.#synced.resolve()
    await this.#running
  }

  get(key: ObjectKey | string): T | undefined {
    return this.#cache.get(key)
  }

  list(): readonly T[] {
    return [...this.#cache.values()]
  }

  values(): IterableIterator<T> {
    return this.#cache.values()
  }

  inNamespace(namespace: string): readonly T[] {
    return this.#cache.byIndex(namespaceIndex, namespace)
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#cache.byIndex(index, value)
  }

  countByIndex(index: string, value: string): number {
    return this.#cache.countByIndex(index, value)
  }

  addIndexer(name: string, indexer: Indexer<T>): void {
    this.#cache.addIndexer(name, indexer)
  }

  addHandler(handler: EventHandler<T>): () => void {
    this.#handlers.add(handler)
    for (const object of this.#cache.values()) this.#tell(handler, "add", object)
    return () => this.#handlers.delete(handler)
  }

  #replace(items: readonly T[]): void {
    const listed = new Set<string>()
    for (const item of items) {
      listed.add(keyText(keyOf(item)))
      this.#put(item)
    }
    const vanished = [...this.#cache.keys()].filter((key) => !listed.has(key))
    for (const key of vanished) this.#drop(key)
    this.#hasSynced = true
    this.#synced.resolve()
  }

  #put(received: T): void {
    const known = this.#cache.get(keyOf(received))
    if (known && known.metadata.uid === received.metadata.uid && sameVersion(known, received)) return
    const object = this.#transform ? this.#transform(received) : received
    if (known && known.metadata.uid !== object.metadata.uid) this.#drop(keyText(keyOf(object)))
    const previous = this.#cache.put(object)
    for (const handler of this.#handlers) {
      if (previous) this.#tell(handler, "update", object, previous)
      else this.#tell(handler, "add", object)
    }
  }

  /** A deletion brings the last state of the object along: handlers get that. */
  #remove(received: T): void {
    const key = keyText(keyOf(received))
    if (!this.#cache.delete(key)) return
    const object = this.#transform ? this.#transform(received) : received
    for (const handler of this.#handlers) this.#tell(handler, "delete", object)
  }

  #drop(key: string): void {
    const object = this.#cache.delete(key)
    if (!object) return
    for (const handler of this.#handlers) this.#tell(handler, "delete", object)
  }

  #tell(handler: EventHandler<T>, event: keyof EventHandler<T>, object: T, previous?: T): void {
    try {
      if (event === "update") handler.update?.(object, previous as T)
      else handler[event]?.(object)
    } catch (error) {
      this.#log.error("a handler threw", { event, key: keyText(keyOf(object)), error: errorMessage(error) })
    }
  }
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.resourceVersion !== undefined && a.metadata.resourceVersion === b.metadata.resourceVersion
}
