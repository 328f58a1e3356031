import { kinds as builtIn, type KindDefinition, schemaSource, schemaTypeNames } from "@ladya/api"
import type { SchemaSource, TypeSchema } from "@ladya/apimachinery"
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

interface CustomResource {
  readonly kinds: readonly KindDefinition[]
  readonly stored: KindDefinition
  readonly types: ReadonlyMap<string, TypeSchema>
}

/** Every resource the server knows, by group, version and plural name. */
export class ResourceTable {
  readonly #deps: { store: Store; feed: StoreFeed; clock: Clock }
  readonly #served = new Map<string, ServedResource>()
  readonly #storages = new Map<string, ResourceStorage>()
  /** What each definition of custom resources added, by its name. */
  readonly #custom = new Map<string, CustomResource>()
  #types = new Map<string, TypeSchema>()
  #kinds: readonly KindDefinition[] | undefined
  readonly #listeners = new Set<() => void>()

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

  /** Serves the versions of a custom resource. `name` is its definition's; what that added before has to be removed first. */
  addCustom(
    name: string,
    kinds: readonly KindDefinition[],
    stored: KindDefinition,
    types: ReadonlyMap<string, TypeSchema>,
  ): void {
    this.#custom.set(name, { kinds, stored, types })
    // Kept even when no version is served.
    this.#storageOf(stored)
    for (const kind of kinds) this.add(kind, stored)
    this.#customChanged()
  }

  /** Its watches end, and its objects are out of sight. */
  removeCustom(name: string): void {
    const known = this.#custom.get(name)
    if (!known) return
    this.#custom.delete(name)
    for (const kind of known.kinds) this.#served.delete(keyOf(kind.group, kind.version, kind.resource))
    const prefix = storagePrefix(known.stored.storage)
    const storage = this.#storages.get(prefix)
    this.#storages.delete(prefix)
    this.#deps.feed.unlisten(prefix)
    storage?.close()
    this.#customChanged()
  }

  #customChanged(): void {
    this.#kinds = undefined
    this.#types = new Map([...this.#custom.values()].flatMap(({ types }) => [...types]))
    for (const listener of this.#listeners) listener()
  }

  /** Calls back when `kinds` is another than before. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Every kind that is served, in the order of discovery. A new array whenever that changes. */
  kinds(): readonly KindDefinition[] {
    const custom = [...this.#custom].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, { kinds }]) => kinds)
    this.#kinds ??= custom.length > 0 ? [...builtIn, ...custom] : builtIn
    return this.#kinds
  }

  /** The types of all kinds. */
  readonly schemas: SchemaSource = (typeName) => this.#types.get(typeName) ?? schemaSource(typeName)

  typeNames(): string[] {
    return [...schemaTypeNames(), ...this.#types.keys()]
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
