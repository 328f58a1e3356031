import { type Clock, timeoutSignal } from "@ladya/util"
import { onlyBelow, type RemoteOpenApi, toV3 } from "../openapi/merge.ts"
import { readJson } from "../streaming/read-answer.ts"
import type { RemoteService } from "./api-services.ts"
import { frontProxyHeaders } from "./front-proxy-headers.ts"
import type { ServiceClient } from "./service-client.ts"

type Json = Record<string, unknown>

interface Known {
  part: string
  etags: Map<string, string>
  v2: Json | undefined
  v3: Json | undefined
}

const withinMs = 30_000
const asker = { name: "system:aggregator", groups: ["system:masters"] }

/** What servers behind APIServices say of their types. */
export class RemoteOpenApis {
  readonly #deps: { clients: { clientOf(remote: RemoteService): ServiceClient }; clock: Clock }
  readonly #known = new Map<string, Known>()
  #merged: RemoteOpenApi = { parts: new Map(), v2: [] }

  constructor(deps: { clients: { clientOf(remote: RemoteService): ServiceClient }; clock: Clock }) {
    this.#deps = deps
  }

  /** A new object whenever something is different. */
  current(): RemoteOpenApi {
    return this.#merged
  }

  forget(name: string): void {
    if (this.#known.delete(name)) this.#merge()
  }

  /** Asks again. Who does not answer is shown as before. */
  async refresh(remote: RemoteService): Promise<void> {
    const { group, version, object } = remote
    const root = `/apis/${group}/${version}`
    const name = object.metadata.name ?? ""
    const known: Known = this.#known.get(name) ?? {
      ...{ part: root.slice(1), etags: new Map(), v2: undefined, v3: undefined },
    }
    const timeout = timeoutSignal(this.#deps.clock, withinMs)
    const client = this.#deps.clients.clientOf(remote)
    const ask = (path: string) => get(client, known.etags, path, timeout.signal)
    try {
      const v2 = await ask("/openapi/v2")
      if (v2) known.v2 = onlyBelow(v2, root)
      const index = await ask("/openapi/v3").catch(() => undefined)
      const paths = (index?.["paths"] ?? {}) as Record<string, { serverRelativeURL?: string }>
      const at = paths[known.part]?.serverRelativeURL
      const v3 = at ? await ask(at) : undefined
      if (v3) known.v3 = v3
      else if (v2 && !known.etags.has("/openapi/v3") && known.v2) known.v3 = toV3(known.v2)
      if (!v2 && !v3) return
      this.#known.set(name, known)
      this.#merge()
    } finally {
      timeout.clear()
    }
  }

  #merge(): void {
    const all = [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, known]) => known)
    this.#merged = {
      parts: new Map(all.flatMap(({ part, v3 }) => (v3 ? [[part, v3] as const] : []))),
      v2: all.flatMap(({ v2 }) => (v2 ? [v2] : [])),
    }
  }
}

/** Undefined when the document is the one that was read last. */
async function get(
  client: ServiceClient,
  etags: Map<string, string>,
  path: string,
  signal: AbortSignal,
): Promise<Json | undefined> {
  const etag = etags.get(path)
  const answer = await client.request({
    method: "GET",
    path,
    headers: {
      accept: "application/json",
      ...(etag ? { "if-none-match": etag } : {}),
      ...frontProxyHeaders(asker),
    },
    signal,
  })
  if (answer.statusCode === 304) {
    answer.resume()
    return undefined
  }
  const value = (await readJson(answer)) as Json
  if (answer.headers.etag) etags.set(path, answer.headers.etag)
  return value
}
