import { type apiregistrationv1, refs } from "@ladya/api"
import { isConditionTrue } from "@ladya/apimachinery"
import type { Client, Informer, InformerFactory } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { CatalogEntry } from "./catalog.ts"

type APIService = apiregistrationv1.APIService
type Change = { added?: CatalogEntry; removed?: CatalogEntry }

interface Known {
  object: APIService
  entries: readonly CatalogEntry[]
  failure: string | undefined
}

/** The resources of other API servers, which are behind APIServices. */
export class RemoteCatalog {
  readonly #services: Informer<APIService>
  readonly #client: Client
  readonly #known = new Map<string, Known>()
  readonly #listeners: ((change: Change) => void)[] = []
  /** Those that are asked now. */
  readonly #asking = new Set<Promise<void>>()
  #entries: readonly CatalogEntry[] | undefined

  constructor(informers: InformerFactory, client: Client) {
    this.#client = client
    this.#services = informers.informer(refs.apiservices)
    this.#services.addHandler({
      add: (object) => this.#changed(object),
      update: (object) => this.#changed(object),
      delete: ({ metadata }) => this.#set(metadata.name ?? "", undefined),
    })
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  async synced(): Promise<void> {
    await this.#services.synced()
    await Promise.all(this.#asking)
  }

  /** One of each resource: of the version that its server puts first. */
  entries(): readonly CatalogEntry[] {
    if (!this.#entries) {
      const ordered = [...this.#known.values()].sort((a, b) => priorityOf(b.object) - priorityOf(a.object))
      const byResource = new Map<string, CatalogEntry>()
      for (const entry of ordered.flatMap(({ entries }) => entries)) {
        const id = `${entry.ref.group}/${entry.ref.resource}`
        if (!byResource.has(id)) byResource.set(id, entry)
      }
      this.#entries = [...byResource.values()]
    }
    return this.#entries
  }

  failures(): ReadonlyMap<string, string> {
    const failures = new Map<string, string>()
    for (const { object, failure } of this.#known.values()) {
      if (failure !== undefined) failures.set(`${object.spec?.group}/${object.spec?.version}`, failure)
    }
    return failures
  }

  #changed(object: APIService): void {
    const name = object.metadata.name ?? ""
    if (!object.spec?.service) {
      this.#set(name, undefined)
      return
    }
    const asking: Promise<void> = this.#ask(object)
      .then((known) => {
        // Somebody may have changed it meanwhile: then it is asked anew already.
        if (this.#services.get(name) === object) this.#set(name, known)
      })
      .finally(() => this.#asking.delete(asking))
    this.#asking.add(asking)
  }

  async #ask(object: APIService): Promise<Known> {
    const { group = "", version = "" } = object.spec ?? {}
    // What was known stays: its objects are there still.
    const before = this.#known.get(object.metadata.name ?? "")?.entries ?? []
    if (!isConditionTrue(object.status?.conditions, "Available")) {
      return { object, entries: before, failure: `stale GroupVersion discovery: ${group}/${version}` }
    }
    try {
      const resources = await this.#client.resourcesOf(group, version)
      const entries = resources
        .filter(({ name }) => !name.includes("/"))
        .map(({ name, kind, namespaced, verbs }) => ({
          ref: { group, version, resource: name, kind, namespaced },
          verbs,
        }))
      return { object, entries, failure: undefined }
    } catch (error) {
      return { object, entries: before, failure: errorMessage(error) }
    }
  }

  #set(name: string, known: Known | undefined): void {
    const before = this.entries()
    if (known) this.#known.set(name, known)
    else if (!this.#known.delete(name)) return
    this.#entries = undefined
    const after = this.entries()
    for (const removed of before) if (!after.some((entry) => isSame(entry, removed))) this.#tell({ removed })
    for (const added of after) if (!before.some((entry) => isSame(entry, added))) this.#tell({ added })
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}

const priorityOf = ({ spec }: APIService): number => spec?.versionPriority ?? 0

const isSame = (a: CatalogEntry, b: CatalogEntry): boolean =>
  a.ref.group === b.ref.group &&
  a.ref.version === b.ref.version &&
  a.ref.resource === b.ref.resource &&
  a.ref.kind === b.ref.kind
