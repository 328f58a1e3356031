import type { IncomingMessage } from "node:http"
import { deepFreeze, type KubeObject, type metav1, newStatusError } from "@ladya/apimachinery"
import {
  type ApiCall,
  errorOfAnswer,
  errorOfEvent,
  JsonLines,
  type Transport,
  type WatchCall,
  type WatchEvent,
  watchPath,
  wireRequest,
} from "@ladya/client"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { DiscoveryGroup } from "../discovery/index.ts"
import { apiResourceList } from "../discovery/legacy.ts"
import { authorize } from "../filters/authorize.ts"
import { readWhole } from "../streaming/read-answer.ts"
import { isAvailable, type RemoteService } from "./api-services.ts"
import { frontProxyHeaders } from "./front-proxy-headers.ts"
import type { ServiceClient } from "./service-client.ts"

export interface AggregatedTransportDeps {
  /** Serves what this server serves itself. */
  inner: Transport
  remoteOf(group: string, version: string): RemoteService | undefined
  clientOf(remote: RemoteService): ServiceClient
  groups(): readonly DiscoveryGroup[]
  authorizer: Authorizer
  user: UserInfo
}

/** How long one call may take, in milliseconds. */
const callTimeoutMs = 60_000
const watchSeconds = 1800

/** The in-process transport, which asks other servers about their group versions. */
export class AggregatedTransport implements Transport {
  readonly #deps: AggregatedTransportDeps

  constructor(deps: AggregatedTransportDeps) {
    this.#deps = deps
  }

  async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    const remote = this.#deps.remoteOf(call.target.group, call.target.version)
    if (!remote) return this.#deps.inner.call(call, signal)
    await this.#authorize(call, call.verb)
    const { method, path, body, contentType = "application/json" } = wireRequest(call)
    const answer = await this.#send(remote, signal, {
      method,
      path,
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)), contentType }),
    })
    return deepFreeze(JSON.parse((await whole(answer)).toString("utf8")) as KubeObject)
  }

  async *watch(call: WatchCall, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const remote = this.#deps.remoteOf(call.target.group, call.target.version)
    if (!remote) {
      yield* this.#deps.inner.watch(call, signal)
      return
    }
    await this.#authorize(call, "watch")
    const answer = await this.#send(remote, signal, { method: "GET", path: watchPath(call, watchSeconds) })
    if ((answer.statusCode ?? 500) >= 400) await whole(answer)
    const lines = new JsonLines()
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        for (const value of lines.push(chunk)) {
          const event = value as { type: string; object: KubeObject }
          if (event.type === "ERROR") throw errorOfEvent(event.object)
          yield deepFreeze(event) as WatchEvent
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      answer.destroy()
    }
  }

  async resources(group: string, version: string, signal?: AbortSignal): Promise<readonly metav1.APIResource[]> {
    const remote = this.#deps.remoteOf(group, version)
    if (remote) {
      const path = group ? `/apis/${group}/${version}` : `/api/${version}`
      const text = await whole(await this.#send(remote, signal, { method: "GET", path }))
      return (JSON.parse(text.toString("utf8")) as metav1.APIResourceList).resources ?? []
    }
    const own = this.#deps.groups().find(({ name }) => name === group)
    const found = own?.versions.find((entry) => entry.version === version)
    if (!found) throw newStatusError("NotFound", "the server could not find the requested resource")
    return (apiResourceList(group, found) as metav1.APIResourceList).resources
  }

  async #send(
    remote: RemoteService,
    signal: AbortSignal | undefined,
    request: { method: string; path: string; body?: Buffer; contentType?: string },
  ): Promise<IncomingMessage> {
    if (!isAvailable(remote.object)) throw newStatusError("ServiceUnavailable", "service unavailable")
    const { method, path, body, contentType } = request
    return this.#deps.clientOf(remote).request({
      method,
      path,
      headers: {
        accept: "application/json",
        ...(contentType ? { "content-type": contentType } : {}),
        ...frontProxyHeaders(this.#deps.user),
      },
      signal: signal ?? AbortSignal.timeout(callTimeoutMs),
      ...(body ? { body } : {}),
    })
  }

  async #authorize({ target, namespace, ...call }: ApiCall | WatchCall, verb: string): Promise<void> {
    await authorize(this.#deps.authorizer, {
      user: this.#deps.user,
      info: {
        isResource: true,
        path: "",
        verb,
        group: target.group,
        version: target.version,
        resource: target.resource,
        subresource: "subresource" in call ? (call.subresource ?? "") : "",
        namespace: target.namespaced ? namespace : "",
        name: "name" in call ? (call.name ?? "") : "",
      },
    })
  }
}

/** The whole body. Throws the Status that the other server answered with. */
async function whole(answer: IncomingMessage): Promise<Buffer> {
  const body = await readWhole(answer)
  const code = answer.statusCode ?? 500
  if (code >= 400) throw errorOfAnswer(code, body)
  return body
}
