import { type apiextensionsv1, isStorageVersion, kindByGvk, kinds, refs } from "@ladya/api"
import { isConditionTrue, type KubeObject, parseApiVersion, type ResourceRef } from "@ladya/apimachinery"
import type { Client, Informer, InformerFactory } from "@ladya/client"
import { RemoteCatalog } from "./remote-catalog.ts"

export interface CatalogEntry {
  ref: ResourceRef
  verbs: readonly string[]
}

/** All resources that are served, once each: in the version they are stored in. */
export interface ResourceCatalog {
  entries(): readonly CatalogEntry[]
  /** Why the resources of a group version are not known, by group version: its server does not answer. */
  failures(): ReadonlyMap<string, string>
  /** The resource of a kind as an owner reference names it, whatever its version; undefined when it is not served. */
  resourceOf(apiVersion: string, kind: string): ResourceRef | undefined
  /** Tells the entries that came and went with CustomResourceDefinitions and APIServices. */
  onChange(listener: (change: { added?: CatalogEntry; removed?: CatalogEntry }) => void): void
  synced(): Promise<void>
}

const builtin: readonly CatalogEntry[] = kinds
  .filter((kind) => isStorageVersion(kind))
  .map((kind) => ({
    ref: {
      group: kind.group,
      version: kind.version,
      resource: kind.resource,
      kind: kind.kind,
      namespaced: kind.namespaced,
    },
    verbs: kind.verbs,
  }))

const customVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

export function newResourceCatalog(informers: InformerFactory, client: Client): ResourceCatalog {
  return new InformedCatalog(informers.informer(refs.customresourcedefinitions), new RemoteCatalog(informers, client))
}

class InformedCatalog implements ResourceCatalog {
  readonly #definitions: Informer<apiextensionsv1.CustomResourceDefinition>
  readonly #custom = new Map<string, CatalogEntry>()
  readonly #listeners: ((change: { added?: CatalogEntry; removed?: CatalogEntry }) => void)[] = []

  readonly #remote: RemoteCatalog

  constructor(definitions: Informer<apiextensionsv1.CustomResourceDefinition>, remote: RemoteCatalog) {
    this.#definitions = definitions
    this.#remote = remote
    remote.onChange((change) => {
      for (const listener of this.#listeners) listener(change)
    })
    definitions.addHandler({
      add: (definition) => this.#put(definition),
      update: (definition) => this.#put(definition),
      delete: (definition) => this.#remove(definition.metadata.name ?? ""),
    })
  }

  entries(): readonly CatalogEntry[] {
    return [...builtin, ...this.#custom.values(), ...this.#remote.entries()]
  }

  failures(): ReadonlyMap<string, string> {
    return this.#remote.failures()
  }

  resourceOf(apiVersion: string, kind: string): ResourceRef | undefined {
    const { group, version } = parseApiVersion(apiVersion)
    const known = kindByGvk({ group, version, kind })
    if (known) {
      const { resource, namespaced, storage } = known
      return { group: storage.group, version: storage.version, resource, kind: storage.kind, namespaced }
    }
    for (const { ref } of this.#custom.values()) if (ref.group === group && ref.kind === kind) return ref
    return this.#remote.entries().find(({ ref }) => ref.group === group && ref.kind === kind)?.ref
  }

  onChange(listener: (change: { added?: CatalogEntry; removed?: CatalogEntry }) => void): void {
    this.#listeners.push(listener)
  }

  async synced(): Promise<void> {
    await Promise.all([this.#definitions.synced(), this.#remote.synced()])
  }

  #put(definition: apiextensionsv1.CustomResourceDefinition): void {
    const name = definition.metadata.name ?? ""
    const entry = entryOf(definition)
    const known = this.#custom.get(name)
    if (!entry) {
      this.#remove(name)
      return
    }
    if (known && known.ref.version === entry.ref.version && known.ref.kind === entry.ref.kind) return
    this.#remove(name)
    this.#custom.set(name, entry)
    for (const listener of this.#listeners) listener({ added: entry })
  }

  #remove(name: string): void {
    const removed = this.#custom.get(name)
    if (!removed) return
    this.#custom.delete(name)
    for (const listener of this.#listeners) listener({ removed })
  }
}

function entryOf(definition: apiextensionsv1.CustomResourceDefinition): CatalogEntry | undefined {
  const { spec, status } = definition
  if (!spec || !isConditionTrue(status?.conditions, "Established")) return undefined
  const served = spec.versions.filter((version) => version.served)
  const version = served.find((candidate) => candidate.storage) ?? served[0]
  if (!version) return undefined
  const ref: ResourceRef<KubeObject> = {
    group: spec.group,
    version: version.name,
    resource: spec.names.plural,
    kind: spec.names.kind,
    namespaced: spec.scope === "Namespaced",
  }
  return { ref, verbs: customVerbs }
}
