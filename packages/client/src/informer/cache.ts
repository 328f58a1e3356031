import { type KubeObject, keyOf, keyText, type ObjectKey } from "@ladya/apimachinery"

/** Under which values an object is found in an index. */
export type Indexer<T extends KubeObject> = (object: T) => readonly string[]

/** The index by namespace that every informer has. */
export const namespaceIndex = "namespace"

/** What an informer knows: objects by key, and by the indexes that were asked for. */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexers = new Map<string, Indexer<T>>()
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>()

  constructor() {
    this.addIndexer(namespaceIndex, (object) => [object.metadata.namespace ?? ""])
  }

  get size(): number {
    return this.#objects.size
  }

  addIndexer(name: string, indexer: Indexer<T>): void {
    if (this.#indexers.has(name)) return
    this.#indexers.set(name, indexer)
    const index = new Map<string, Map<string, T>>()
    this.#indexes.set(name, index)
    for (const [key, object] of this.#objects) insert(index, indexer(object), key, object)
  }

  get(key: string | ObjectKey): T | undefined {
    return this.#objects.get(typeof key === "string" ? key : keyText(key))
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys()
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`no index ${JSON.stringify(name)}`)
    const found = index.get(value)
    return found ? [...found.values()] : []
  }

  countByIndex(name: string, value: string): number {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`no index ${JSON.stringify(name)}`)
    return index.get(value)?.size ?? 0
  }

  /** Returns what stood there before. */
  put(object: T): T | undefined {
    const key = keyText(keyOf(object))
    const previous = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const [name, indexer] of this.#indexers) {
      const index = this.#indexes.get(name) as Map<string, Map<string, T>>
      const values = indexer(object)
      if (previous) remove(index, indexer(previous), key, values)
      insert(index, values, key, object)
    }
    return previous
  }

  /** Returns what stood there. */
  delete(key: string): T | undefined {
    const previous = this.#objects.get(key)
    if (!previous) return undefined
    this.#objects.delete(key)
    for (const [name, indexer] of this.#indexers) {
      remove(this.#indexes.get(name) as Map<string, Map<string, T>>, indexer(previous), key, [])
    }
    return previous
  }
}

function insert<T>(index: Map<string, Map<string, T>>, values: readonly string[], key: string, object: T): void {
  for (const value of values) {
    const bucket = index.get(value)
    if (bucket) bucket.set(key, object)
    else index.set(value, new Map([[key, object]]))
  }
}

function remove<T>(
  index: Map<string, Map<string, T>>,
  values: readonly string[],
  key: string,
  keep: readonly string[],
): void {
  for (const value of values) {
    if (keep.includes(value)) continue
    const bucket = index.get(value)
    bucket?.delete(key)
    if (bucket?.size === 0) index.delete(value)
  }
}
