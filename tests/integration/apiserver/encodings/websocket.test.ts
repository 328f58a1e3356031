import assert from "node:assert/strict"
import { Readable } from "node:stream"
import { type TestContext, test } from "node:test"
import { refs } from "@ladya/api"
import type { ApiRequest, Authenticator } from "@ladya/apiserver"
import { makeNamespace, startTestServer, type TestServerOptions } from "../../harness.ts"
import { decode, protobuf } from "./protobuf-client.ts"
import { WebSocketClient } from "./websocket-client.ts"

const maps = "/api/v1/namespaces/default/configmaps"
const configMap = (name: string, data: Record<string, string> = {}) => ({
  kind: "ConfigMap" as const,
  apiVersion: "v1" as const,
  metadata: { name, namespace: "default" },
  data,
})
const [text, binary, close, ping, pong] = [1, 2, 8, 9, 10]

async function start(t: TestContext, options: TestServerOptions = {}) {
  const server = await startTestServer(t, { listen: true, ...options })
  await makeNamespace(server.client, "default")
  const open = (path: string, headers: Record<string, string> = {}): WebSocketClient => {
    const client = new WebSocketClient(server, path, headers)
    t.after(() => client.close())
    return client
  }
  return { server, open, maps: server.client.resource(refs.configmaps) }
}

test("a watch over a WebSocket has one event a message", async (t) => {
  const { open, maps: client } = await start(t)
  await client.create(configMap("a"))
  await client.create(configMap("b", { large: "x".repeat(70_000) }))
  const socket = open(`${maps}?watch=1&resourceVersion=0`)
  assert.match(await socket.head(), /^HTTP\/1\.1 101 /)
  await client.delete("a", { namespace: "default" })
  const events = await socket.messages(3)
  assert.deepEqual(
    events.map(({ opcode, payload }) => {
      const { type, object } = JSON.parse(payload.toString()) as ReturnType<typeof JSON.parse>
      return [opcode, type, object.metadata.name]
    }),
    [
      [text, "ADDED", "a"],
      [text, "ADDED", "b"],
      [text, "DELETED", "a"],
    ],
  )
  socket.send(ping as number, Buffer.from("hello"))
  const answer = (await socket.messages(4))[3]
  assert.deepEqual([answer?.opcode, answer?.payload.toString()], [pong, "hello"])
  socket.send(close as number, Buffer.alloc(0))
  assert.equal((await socket.messages(5))[4]?.opcode, close)
  await socket.closed()
})

test("a watch in protobuf comes in binary messages; one that ends says so", async (t) => {
  const { open, maps: client } = await start(t)
  await client.create(configMap("a"))
  const socket = open(`${maps}?watch=1&resourceVersion=0&timeoutSeconds=1`, { Accept: `${protobuf};stream=watch` })
  const [first, last] = await socket.messages(2)
  assert.equal(first?.opcode, binary)
  const { payload } = first as { payload: Buffer }
  assert.equal(payload.toString("latin1", 0, 7), "\n\x05ADDED")
  assert.equal(decode(payload.subarray(payload.indexOf("k8s\0"))).metadata.name, "a")
  assert.equal(last?.opcode, close)
})

test("a watch that cannot begin is answered as ever", async (t) => {
  const { open } = await start(t)
  const socket = open(`${maps}?watch=1&resourceVersion=x`)
  assert.match(await socket.head(), /^HTTP\/1\.1 422 /)
  const noKey = open(`${maps}?watch=1`, { "Sec-WebSocket-Key": "short" })
  assert.match(await noKey.head(), /^HTTP\/1\.1 400 /)
})

test("logs over a WebSocket: bytes, or base64", async (t) => {
  const log = async () => ({
    status: 200,
    headers: { "Content-Type": "text/plain" },
    body: Readable.from([Buffer.from("one\n"), Buffer.from("two\xff\n", "latin1")]),
  })
  const { open } = await start(t, { config: { raw: new Map([["/pods/log", log]]) } })
  const path = "/api/v1/namespaces/default/pods/p/log"
  for (const protocol of ["", "binary.k8s.io"]) {
    const socket = open(path, protocol ? { "Sec-WebSocket-Protocol": protocol } : {})
    const head = await socket.head()
    assert.equal(/Sec-WebSocket-Protocol: binary\.k8s\.io/.test(head), protocol !== "")
    assert.deepEqual(
      (await socket.messages(4)).map(({ opcode, payload }) => [
        opcode,
        opcode === close ? "" : payload.toString("latin1"),
      ]),
      [
        [binary, ""],
        [binary, "one\n"],
        [binary, "two\xff\n"],
        [close, ""],
      ],
    )
    await socket.closed()
  }
  const encoded = open(path, { "Sec-WebSocket-Protocol": "other, base64.binary.k8s.io" })
  assert.deepEqual(
    (await encoded.messages(3)).map(({ opcode, payload }) => [opcode, payload.toString()]),
    [
      [text, ""],
      [text, "b25lCg=="],
      [text, "dHdv/wo="],
    ],
  )
  assert.match(await open(path, { "Sec-WebSocket-Protocol": "v4.channel.k8s.io" }).head(), /^HTTP\/1\.1 403 /)
})

test("a bearer token may come as a subprotocol, and goes no further", async (t) => {
  const seen: ApiRequest["headers"][] = []
  const authenticator: Authenticator = {
    name: "test",
    authenticate: async (request) => {
      seen.push(request.headers)
      return request.headers["authorization"] === "Bearer s3cret" ? { name: "browser", groups: [] } : undefined
    },
  }
  const { open } = await start(t, { config: { authenticators: [authenticator], anonymous: false } })
  const token = `base64url.bearer.authorization.k8s.io.${Buffer.from("s3cret").toString("base64url")}`
  const path = `${maps}?watch=1`
  const socket = open(path, { "Sec-WebSocket-Protocol": `${token}, binary.k8s.io` })
  const head = await socket.head()
  assert.match(head, /^HTTP\/1\.1 101 /)
  assert.match(head, /Sec-WebSocket-Protocol: binary\.k8s\.io/)
  assert.equal(seen.at(-1)?.["sec-websocket-protocol"], "binary.k8s.io")
  for (const protocols of [token, `${token},${token},a`, "base64url.bearer.authorization.k8s.io.!,a"]) {
    assert.match(await open(path, { "Sec-WebSocket-Protocol": protocols }).head(), /^HTTP\/1\.1 401 /, protocols)
  }
})
