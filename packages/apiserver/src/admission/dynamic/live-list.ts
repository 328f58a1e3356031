import type { KubeObject } from "@ladya/apimachinery"
import type { ResourceStorage } from "../../storage/resource-storage.ts"

/**
 * All objects of a resource in a form made ready for use, in the order of their names. Follows the resource's cache: a
 * change counts from the moment the cache shows it. What did not change is not made again.
 */
export class LiveList<T extends KubeObject, C> {
  readonly #storage: ResourceStorage
  readonly #compile: (object: T) => C
  readonly #compiled = new WeakMap<KubeObject, C>()
  #items: readonly C[] | undefined

  constructor(storage: ResourceStorage, compile: (object: T) => C) {
    this.#storage = storage
    this.#compile = compile
    const forget = (): void => {
      this.#items = undefined
    }
    storage.cache.subscribe(forget, forget)
  }

  /** Whether it is known that there is nothing. */
  isEmpty(): boolean {
    return this.current()?.length === 0
  }

  /** Undefined while the cache is loading. */
  current(): readonly C[] | undefined {
    if (this.#items) return this.#items
    const loading = this.#storage.cache.ready()
    if (!loading) {
      this.#items = this.#build()
      return this.#items
    }
    // Whoever waits for the load sees why it failed.
    loading.catch(() => undefined)
    return undefined
  }

  async all(): Promise<readonly C[]> {
    for (;;) {
      const items = this.current()
      if (items) return items
      await this.#storage.cache.ready()
    }
  }

  #build(): readonly C[] {
    const items: C[] = []
    for (const { object } of this.#storage.cache.scan({ namespace: "", name: undefined })) {
      let item = this.#compiled.get(object)
      if (item === undefined) {
        item = this.#compile(object as T)
        this.#compiled.set(object, item)
      }
      items.push(item)
    }
    return items
  }
}
