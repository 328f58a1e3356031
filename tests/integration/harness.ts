import { request as httpsRequest } from "node:https"
import type { AddressInfo } from "node:net"
import type { TestContext } from "node:test"
import { type ApiServer, type ApiServerConfig, type Authorizer, newApiServer, type UserInfo } from "@ladya/apiserver"
import { type Client, newClient } from "@ladya/client"
import { newMemoryStore, type Store } from "@ladya/store"
import { type Clock, type Logger, MetricsRegistry, newRandom, silentLogger, systemClock } from "@ladya/util"
import { newTestPki, type TestPki } from "./certificates.ts"

export const admin: UserInfo = { name: "admin", groups: ["system:masters", "system:authenticated"] }

/** Everybody may do everything. */
export const allowAll: Authorizer = { name: "allow-all", authorize: () => ({ allowed: true, reason: "" }) }

export interface TestServerOptions {
  clock?: Clock
  log?: Logger
  store?: Store
  /** Over HTTPS on a free port of loopback as well; in process only unless told. */
  listen?: boolean
  config?: Partial<ApiServerConfig>
  /** Of the server's random names. */
  seed?: number
}

export interface HttpAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  bytes: Buffer
  /** Parsed; throws when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  json: any
}

export interface TestServer {
  server: ApiServer
  store: Store
  /** As `admin`, in process. */
  client: Client
  clientAs(user: UserInfo): Client
  /** `https://127.0.0.1:port`; with `listen` only. */
  url: string
  pki: TestPki
  /** One HTTP/1.1 request. An object as body is sent as JSON. */
  http(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<HttpAnswer>
}

let sharedPki: Promise<TestPki> | undefined

/** A store and an API server in this process, ended with the test. Everybody may do everything unless told. */
export async function startTestServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const clock = options.clock ?? systemClock
  const store = options.store ?? newMemoryStore({ clock })
  sharedPki ??= newTestPki()
  const pki = await sharedPki
  const server = newApiServer({
    store,
    clock,
    log: options.log ?? silentLogger,
    random: newRandom(options.seed ?? 1),
    metrics: new MetricsRegistry(),
    config: {
      authorizers: [allowAll],
      ...(options.listen
        ? {
            listen: [{ host: "127.0.0.1", port: 0 }],
            tls: { cert: pki.server.cert, key: pki.server.key, clientCA: pki.ca },
          }
        : {}),
      ...options.config,
    },
  })
  await server.start()
  t.after(async () => {
    await server.stop(AbortSignal.timeout(2000))
    if (!options.store) await store.close()
  })
  const address = server.addresses()[0] as AddressInfo | undefined
  const url = address ? `https://127.0.0.1:${address.port}` : ""
  return {
    server,
    store,
    client: newClient(server.transport(admin)),
    clientAs: (user) => newClient(server.transport(user)),
    url,
    pki,
    http: (method, path, request = {}) => httpCall(pki, url, method, path, request),
  }
}

function httpCall(
  pki: TestPki,
  url: string,
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> },
): Promise<HttpAnswer> {
  const { body } = options
  const payload =
    body === undefined ? undefined : typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const request = httpsRequest(`${url}${path}`, {
      method,
      ca: pki.ca,
      agent: false,
      headers: {
        // Node sends the body of a DELETE without a length unless told.
        ...(payload === undefined
          ? {}
          : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) }),
        ...options.headers,
      },
    })
    request.on("error", reject)
    request.on("response", (response) => {
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", reject)
      response.on("end", () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString("utf8")
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          bytes,
          get json() {
            return JSON.parse(text) as unknown
          },
        })
      })
    })
    request.end(payload)
  })
}

/** The namespace most tests work in, made. */
export async function makeNamespace(client: Client, name: string): Promise<void> {
  const ref = { group: "", version: "v1", resource: "namespaces", kind: "Namespace", namespaced: false }
  await client.resource(ref).create({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
}

export interface WatchedEvent {
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: events carry objects of every shape.
  object: any
}

/** Reads a watch over HTTP/1.1 until `enough` says so, or the server ends it. */
export function readWatch(
  server: TestServer,
  path: string,
  enough: (events: readonly WatchedEvent[]) => boolean,
  onOpen: () => void = () => undefined,
): Promise<WatchedEvent[]> {
  return new Promise((resolve, reject) => {
    const events: WatchedEvent[] = []
    let rest = ""
    const request = httpsRequest(`${server.url}${path}`, { ca: server.pki.ca, agent: false })
    request.on("error", (error) => (events.length > 0 && enough(events) ? resolve(events) : reject(error)))
    request.on("response", (response) => {
      onOpen()
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) events.push(JSON.parse(line) as WatchedEvent)
        if (enough(events)) {
          request.destroy()
          resolve(events)
        }
      })
      response.on("end", () => resolve(events))
    })
    request.end()
  })
}
