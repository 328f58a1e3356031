import type { KindDefinition } from "@ladya/api"
import type { Store } from "@ladya/store"
import type { Clock } from "@ladya/util"
import { ResourceStorage } from "./storage/resource-storage.ts"
import { storagePrefix } from "./storage/shape.ts"
import type { StoreFeed } from "./storage/store-feed.ts"

/** A resource in one of its versions, and where its objects are kept. */
export interface ServedResource {
  readonly kind: KindDefinition
  /** Undefined for what is asked but never kept (reviews, bindings). */
  readonly storage: ResourceStorage | undefined
}

/** Every resource the server knows, by group, version and plural name. */
export class ResourceTable {
  readonly #deps: { store: Store; feed: StoreFeed; clock: Clock }
  readonly #served = new Map<string, ServedResource>()
  readonly #storages = new Map<string, ResourceStorage>()

  constructor(deps: { store: Store; feed: StoreFeed; clock: Clock }) {
    this.#deps = deps
  }

  /** `storageKind` is the stored version, which several kinds may share. */
  add(kind: KindDefinition, storageKind: KindDefinition): void {
    const isKept = kind.verbs.includes("get") && kind.verbs.includes("create")
    this.#served.set(keyOf(kind.group, kind.version, kind.resource), {
      kind,
      storage: isKept ? this.#storageOf(storageKind) : undefined,
    })
  }

  remove(kind: KindDefinition): void {
    this.#served.delete(keyOf(kind.group, kind.version, kind.resource))
  }

  lookup(group: string, version: string, resource: string): ServedResource | undefined {
    return this.#served.get(keyOf(group, version, resource))
  }

  /** Where `group/resource` is kept. Throws for what is not known. */
  storage(group: string, resource: string): ResourceStorage {
    const found = this.#storages.get(storagePrefix({ group, resource }))
    if (!found) throw new Error(`no resource ${resource} in group ${JSON.stringify(group)}`)
    return found
  }

  all(): Iterable<ServedResource> {
    return this.#served.values()
  }

  storages(): Iterable<ResourceStorage> {
    return this.#storages.values()
  }

  #storageOf(kind: KindDefinition): ResourceStorage {
    const prefix = storagePrefix(kind.storage)
    let storage = this.#storages.get(prefix)
    if (!storage) {
      const { store, feed, clock } = this.#deps
      storage = new ResourceStorage({ kind, store, feed, watchers: { clock } })
      this.#storages.set(prefix, storage)
    }
    return storage
  }
}

const keyOf = (group: string, version: string, resource: string): string => `${group}/${version}/${resource}`
