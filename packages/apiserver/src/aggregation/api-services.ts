import type { apiregistrationv1 } from "@ladya/api"
import { isConditionTrue } from "@ladya/apimachinery"
import type { ResourceStorage } from "../storage/resource-storage.ts"

export type APIService = apiregistrationv1.APIService

/** An APIService whose group version is served by a Service. */
export interface RemoteService {
  readonly object: APIService
  readonly group: string
  readonly version: string
  readonly target: { namespace: string; name: string; port: number }
}

/** The remote form of an APIService; undefined for a local one. */
export function remoteOf(object: APIService): RemoteService | undefined {
  const { group = "", version = "", service } = object.spec ?? {}
  if (!service) return undefined
  const { namespace = "", name = "", port = 443 } = service
  return { object, group, version, target: { namespace, name, port } }
}

export const isAvailable = (object: APIService): boolean => isConditionTrue(object.status?.conditions, "Available")

/** Every APIService as it is now, followed from the server's own cache: what is written acts at once. */
export class ApiServices {
  readonly #storage: ResourceStorage
  readonly #remote = new Map<string, RemoteService>()
  readonly #listeners = new Set<(name: string) => void>()
  #unsubscribe: (() => void) | undefined
  #isStopped = false

  constructor(storage: ResourceStorage) {
    this.#storage = storage
  }

  /** Resolves when all of them are known. */
  async start(): Promise<void> {
    await this.#storage.fresh()
    this.#unsubscribe = this.#storage.cache.subscribe(
      (events) => {
        for (const { entry } of events) this.#changed(entry.key)
      },
      () => void this.#reload(),
    )
    for (const { metadata } of this.all()) this.#changed(metadata.name ?? "")
  }

  stop(): void {
    this.#isStopped = true
    this.#unsubscribe?.()
  }

  /** Calls back with the name of every one that came, changed or went. */
  onChange(listener: (name: string) => void): void {
    this.#listeners.add(listener)
  }

  get(name: string): APIService | undefined {
    return this.#storage.cache.get(name)?.object as APIService | undefined
  }

  all(): APIService[] {
    return [...this.#storage.cache.scan({ namespace: "", name: undefined })].map((entry) => entry.object as APIService)
  }

  /** The one that is not served here; undefined for what is. */
  remote(group: string, version: string): RemoteService | undefined {
    return this.#remote.size === 0 ? undefined : this.#remote.get(`${version}.${group}`)
  }

  get hasRemotes(): boolean {
    return this.#remote.size > 0
  }

  /** By their names' order. */
  remotes(): RemoteService[] {
    return [...this.#remote].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, remote]) => remote)
  }

  #changed(name: string): void {
    const object = this.get(name)
    const remote = object && remoteOf(object)
    if (remote) this.#remote.set(name, remote)
    else this.#remote.delete(name)
    for (const listener of this.#listeners) listener(name)
  }

  async #reload(): Promise<void> {
    const known = [...this.#remote.keys()]
    await this.#storage.fresh().catch(() => undefined)
    if (this.#isStopped) return
    for (const name of new Set([...known, ...this.all().map(({ metadata }) => metadata.name ?? "")])) {
      this.#changed(name)
    }
  }
}
