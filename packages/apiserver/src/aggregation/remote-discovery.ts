import { type Clock, timeoutSignal } from "@ladya/util"
import { readJson } from "../streaming/read-answer.ts"
import { isAvailable, type RemoteService } from "./api-services.ts"
import { frontProxyHeaders } from "./front-proxy-headers.ts"
import type { ServiceClient } from "./service-client.ts"

/** What a server behind an APIService says of one group version. */
export interface RemoteDiscovery {
  /** Entries of aggregated discovery. */
  resources: readonly unknown[]
  /** Stale: the server could not be asked of late. */
  freshness: "Current" | "Stale"
}

const withinMs = 5000
const asker = { name: "system:kube-aggregator", groups: ["system:masters"] }
const aggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
const accept = [aggregatedType, aggregatedType.replace("v=v2", "v=v2beta1"), "application/json"].join(",")

interface GroupDiscovery {
  metadata?: { name?: string }
  versions?: { version?: string; resources?: unknown[] }[]
}

interface LegacyResource {
  name: string
  singularName?: string
  namespaced?: boolean
  group?: string
  version?: string
  kind: string
  verbs?: string[]
  shortNames?: string[]
  categories?: string[]
}

/** Knows what servers behind APIServices say that they serve. */
export class RemoteDiscoveries {
  readonly #deps: { clients: { clientOf(remote: RemoteService): ServiceClient }; clock: Clock; changed(): void }
  readonly #known = new Map<string, { text: string; discovery: RemoteDiscovery }>()

  constructor(deps: {
    clients: { clientOf(remote: RemoteService): ServiceClient }
    clock: Clock
    /** Called when something different is known. */
    changed(): void
  }) {
    this.#deps = deps
  }

  of({ object }: RemoteService): RemoteDiscovery {
    const known = this.#known.get(object.metadata.name ?? "")?.discovery ?? { resources: [], freshness: "Stale" }
    return isAvailable(object) ? known : { ...known, freshness: "Stale" }
  }

  forget(name: string): void {
    this.#known.delete(name)
  }

  /** Asks the server again. What was known stays, as stale, when it does not answer. */
  async refresh(remote: RemoteService): Promise<void> {
    const name = remote.object.metadata.name ?? ""
    const before = this.#known.get(name)
    let discovery: RemoteDiscovery
    try {
      discovery = { resources: await this.#ask(remote), freshness: "Current" }
    } catch {
      discovery = { resources: before?.discovery.resources ?? [], freshness: "Stale" }
    }
    const text = JSON.stringify(discovery)
    if (before?.text === text) return
    this.#known.set(name, { text, discovery })
    this.#deps.changed()
  }

  async #ask(remote: RemoteService): Promise<unknown[]> {
    const client = this.#deps.clients.clientOf(remote)
    const timeout = timeoutSignal(this.#deps.clock, withinMs)
    const get = async (path: string): Promise<unknown> =>
      readJson(
        await client.request({
          method: "GET",
          path,
          headers: { accept, ...frontProxyHeaders(asker) },
          signal: timeout.signal,
        }),
      )
    try {
      const { group, version } = remote
      const all = (await get("/apis").catch(() => undefined)) as { kind?: string; items?: GroupDiscovery[] } | undefined
      if (all?.kind === "APIGroupDiscoveryList") {
        const own = all.items?.find(({ metadata }) => metadata?.name === group)
        return own?.versions?.find((entry) => entry.version === version)?.resources ?? []
      }
      const list = (await get(`/apis/${group}/${version}`)) as { resources?: LegacyResource[] }
      return aggregatedEntries(list.resources ?? [], { group, version })
    } finally {
      timeout.clear()
    }
  }
}

/** Entries of aggregated discovery for those of a legacy list. */
export function aggregatedEntries(
  resources: readonly LegacyResource[],
  own: { group: string; version: string },
): object[] {
  const entries = new Map<string, Record<string, unknown> & { subresources?: object[] }>()
  const kindOf = ({ group = "", version = "", kind }: LegacyResource) =>
    group || version ? { group, version, kind } : { ...own, kind }
  for (const resource of resources) {
    if (resource.name.includes("/")) continue
    entries.set(resource.name, {
      resource: resource.name,
      responseKind: kindOf(resource),
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      singularResource: resource.singularName ?? "",
      verbs: resource.verbs ?? [],
      ...(resource.shortNames?.length ? { shortNames: resource.shortNames } : {}),
      ...(resource.categories?.length ? { categories: resource.categories } : {}),
    })
  }
  for (const resource of resources) {
    const slash = resource.name.indexOf("/")
    if (slash < 0) continue
    const parent = resource.name.slice(0, slash)
    let entry = entries.get(parent)
    if (!entry) {
      // A subresource may stand alone.
      entry = {
        resource: parent,
        scope: resource.namespaced ? "Namespaced" : "Cluster",
        singularResource: "",
        verbs: [],
      }
      entries.set(parent, entry)
    }
    entry.subresources ??= []
    entry.subresources.push({
      subresource: resource.name.slice(slash + 1),
      responseKind: kindOf(resource),
      verbs: resource.verbs ?? [],
    })
  }
  return [...entries.values()]
}
