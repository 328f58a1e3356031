import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2"
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net"
import { type TestContext, test } from "node:test"
import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { silentLogger, systemClock, waitFor } from "@ladya/util"
import { newClient } from "../new-client.ts"
import { ConnectionError } from "./errors.ts"
import { JsonLines } from "./json-lines.ts"
import { type HttpsTransport, newHttpsTransport } from "./transport.ts"

type Answer = (stream: ServerHttp2Stream, request: { method: string; path: string; body: string }) => void

async function serve(context: TestContext, answer: Answer, port = 0): Promise<{ server: Http2Server; port: number }> {
  const server = createServer()
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined)
    const chunks: Buffer[] = []
    stream.on("data", (chunk: Buffer) => chunks.push(chunk))
    stream.on("end", () =>
      answer(stream, {
        method: String(headers[":method"]),
        path: String(headers[":path"]),
        body: Buffer.concat(chunks).toString(),
      }),
    )
  })
  server.listen(port, "127.0.0.1")
  await once(server, "listening")
  const close = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  context.after(close)
  server.on("shutdown", close)
  return { server, port: (server.address() as AddressInfo).port }
}

function transportTo(context: TestContext, port: number, options: { pingMs?: number } = {}): HttpsTransport {
  const transport = newHttpsTransport({
    server: `http://127.0.0.1:${port}`,
    userAgent: "test",
    token: "secret",
    clock: systemClock,
    log: silentLogger,
    ...(options.pingMs ? { pingIntervalMs: options.pingMs, pingTimeoutMs: options.pingMs } : {}),
  })
  context.after(() => transport.close())
  return transport
}

function json(stream: ServerHttp2Stream, status: number, value: unknown, headers: Record<string, string> = {}): void {
  stream.respond({ ":status": status, "content-type": "application/json", ...headers })
  stream.end(JSON.stringify(value))
}

const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "ns", name: "a" } } as const

test("calls become the requests that the API knows; answers are frozen", async (context) => {
  const seen: string[] = []
  const { port } = await serve(context, (stream, request) => {
    seen.push(`${request.method} ${request.path} ${request.body}`.trim())
    assert.equal(stream.sentHeaders, undefined)
    json(stream, 200, { ...configMap, data: { a: "1" } })
  })
  const client = newClient(transportTo(context, port))
  const configMaps = client.resource(refs.configmaps)
  const got = await configMaps.get("a", { namespace: "ns" })
  assert.ok(Object.isFrozen(got.data))
  await configMaps.list({ labelSelector: "a=b", limit: 5 })
  await configMaps.create(configMap, { dryRun: true })
  await configMaps.patch("a", "merge", { data: { b: "2" } }, { namespace: "ns", fieldManager: "me" })
  await client
    .resource(refs.deployments)
    .updateStatus({ apiVersion: "apps/v1", kind: "Deployment", metadata: configMap.metadata })
  await configMaps.delete("a", { namespace: "ns", propagationPolicy: "Foreground", preconditions: { uid: "u" } })
  await client.resource(refs.nodes).get("n")
  assert.deepEqual(seen, [
    "GET /api/v1/namespaces/ns/configmaps/a",
    "GET /api/v1/configmaps?labelSelector=a%3Db&limit=5",
    `POST /api/v1/namespaces/ns/configmaps?dryRun=All ${JSON.stringify(configMap)}`,
    `PATCH /api/v1/namespaces/ns/configmaps/a?fieldManager=me {"data":{"b":"2"}}`,
    `PUT /apis/apps/v1/namespaces/ns/deployments/a/status {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"ns","name":"a"}}`,
    `DELETE /api/v1/namespaces/ns/configmaps/a {"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground","preconditions":{"uid":"u"}}`,
    "GET /api/v1/nodes/n",
  ])
})

test("errors of the API are StatusErrors, and no API is a ConnectionError", async (context) => {
  const { server, port } = await serve(context, (stream, { path }) => {
    if (path.endsWith("/a")) json(stream, 404, { kind: "Status", reason: "NotFound", message: "none", code: 404 })
    else {
      stream.respond({ ":status": 502 })
      stream.end("bad gateway")
    }
  })
  const configMaps = newClient(transportTo(context, port)).resource(refs.configmaps)
  await assert.rejects(configMaps.get("a", { namespace: "ns" }), (error) => isStatus(error, "NotFound"))
  await assert.rejects(configMaps.get("b", { namespace: "ns" }), { name: "StatusError", message: /502: bad gateway/ })
  server.emit("shutdown")
  await once(server, "close")
  await assert.rejects(configMaps.get("a", { namespace: "ns" }), (error) => error instanceof ConnectionError)
})

test("a call is repeated when the server asks for it", async (context) => {
  let calls = 0
  const { port } = await serve(context, (stream) => {
    if (++calls < 3) json(stream, 429, { kind: "Status", reason: "TooManyRequests", code: 429 }, { "retry-after": "0" })
    else json(stream, 200, configMap)
  })
  await newClient(transportTo(context, port)).resource(refs.configmaps).get("a", { namespace: "ns" })
  assert.equal(calls, 3)
})

test("a watch yields events however the bytes are cut, ends with the stream, and throws what the server says", async (context) => {
  const { port } = await serve(context, (stream, { path }) => {
    assert.match(path, /watch=true/)
    stream.respond({ ":status": 200 })
    const lines = [
      { type: "ADDED", object: { ...configMap, data: { text: "ä".repeat(50_000) } } },
      { type: "BOOKMARK", object: { metadata: { resourceVersion: "7" } } },
      ...(path.includes("resourceVersion=1&")
        ? [{ type: "ERROR", object: { kind: "Status", reason: "Expired", code: 410 } }]
        : []),
    ]
    const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
    for (let at = 0; at < bytes.length; at += 999) stream.write(bytes.subarray(at, at + 999))
    stream.end()
  })
  const configMaps = newClient(transportTo(context, port)).resource(refs.configmaps)
  const watch = async (resourceVersion: string): Promise<string[]> => {
    const types: string[] = []
    const signal = new AbortController().signal
    for await (const event of configMaps.watch({ resourceVersion, signal })) types.push(event.type)
    return types
  }
  assert.deepEqual(await watch("2"), ["ADDED", "BOOKMARK"])
  await assert.rejects(watch("1"), (error) => isStatus(error, "Expired"))
})

test("aborting a watch ends it normally and closes its stream", async (context) => {
  let open = 0
  const { port } = await serve(context, (stream) => {
    open++
    stream.once("close", () => open--)
    stream.respond({ ":status": 200 })
    stream.write(`${JSON.stringify({ type: "ADDED", object: configMap })}\n`)
  })
  const configMaps = newClient(transportTo(context, port)).resource(refs.configmaps)
  const stop = new AbortController()
  for await (const _ of configMaps.watch({ signal: stop.signal })) stop.abort()
  await waitFor(systemClock, () => open === 0, { description: "the stream to close", timeoutMs: 60_000 })
})

test("after the server was away a new connection is made", async (context) => {
  const answer: Answer = (stream) => json(stream, 200, configMap)
  const first = await serve(context, answer)
  const configMaps = newClient(transportTo(context, first.port)).resource(refs.configmaps)
  await configMaps.get("a", { namespace: "ns" })
  first.server.emit("shutdown")
  await once(first.server, "close")
  await serve(context, answer, first.port)
  await waitFor(systemClock, () => configMaps.get("a", { namespace: "ns" }), {
    description: "the call to succeed again",
    timeoutMs: 60_000,
  })
})

test("a peer that went silent is noticed: its watches end with a ConnectionError", async (context) => {
  const { port } = await serve(context, (stream) => stream.respond({ ":status": 200 }))
  let silent = false
  const pairs: Socket[] = []
  const middle = createTcpServer((inner) => {
    const outer = connect(port, "127.0.0.1")
    pairs.push(inner, outer)
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      from.on("error", () => undefined)
      from.on("data", (chunk) => silent || to.write(chunk))
    }
  })
  middle.listen(0, "127.0.0.1")
  await once(middle, "listening")
  context.after(() => {
    for (const socket of pairs) socket.destroy()
    middle.close()
  })
  const transport = transportTo(context, (middle.address() as AddressInfo).port, { pingMs: 50 })
  const configMaps = newClient(transport).resource(refs.configmaps)
  const broken = (async () => {
    for await (const _ of configMaps.watch({ signal: new AbortController().signal })) assert.fail("no event was sent")
  })()
  await waitFor(systemClock, () => pairs.length > 0, { description: "the connection", timeoutMs: 60_000 })
  silent = true
  await assert.rejects(broken, (error) => error instanceof ConnectionError)
})

test("many watches share a connection and more are opened at the server's limit", async (context) => {
  const server = createServer({ settings: { maxConcurrentStreams: 10 } })
  let sessions = 0
  server.on("session", (session) => {
    sessions++
    context.after(() => session.destroy())
  })
  server.on("stream", (stream) => {
    stream.on("error", () => undefined)
    stream.respond({ ":status": 200 })
    stream.write(`${JSON.stringify({ type: "ADDED", object: configMap })}\n`)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  context.after(() => server.close())
  const configMaps = newClient(transportTo(context, (server.address() as AddressInfo).port)).resource(refs.configmaps)
  const stop = new AbortController()
  let seen = 0
  const watches = Array.from({ length: 25 }, async () => {
    for await (const _ of configMaps.watch({ signal: stop.signal })) seen++
  })
  await waitFor(systemClock, () => seen === 25, { description: "every watch to see its event", timeoutMs: 60_000 })
  assert.ok(sessions >= 3 && sessions <= 4, `${sessions} connections`)
  stop.abort()
  await Promise.all(watches)
})

test("JSON lines: empty lines are skipped, several lines come out of one chunk", () => {
  const lines = new JsonLines()
  assert.deepEqual(lines.push(Buffer.from('{"a":')), [])
  assert.deepEqual(lines.push(Buffer.from('1}\n\n{"b":2}\n{"c"')), [{ a: 1 }, { b: 2 }])
  assert.deepEqual(lines.push(Buffer.from(":3}\n")), [{ c: 3 }])
})
