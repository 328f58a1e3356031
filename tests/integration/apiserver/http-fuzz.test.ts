import assert from "node:assert/strict"
import { type ClientHttp2Session, connect } from "node:http2"
import { test } from "node:test"
import { connect as tlsConnect } from "node:tls"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { schemaSource } from "@ladya/api"
import { protobufBodyValue } from "@ladya/apimachinery"
import { newRandom, systemClock, waitFor } from "@ladya/util"
import { parse } from "yaml"
import { makeNamespace, startTestServer, type TestServer } from "../harness.ts"
import { Fuzzer, type Shot } from "./http-fuzzer.ts"

/**
 * Malformed and hostile requests. Nothing of it may be answered by a 5xx, end the server, change the store or stay in
 * memory. Another seed: FUZZ_SEED; more requests: FUZZ_COUNT.
 */
const seed = Number(process.env["FUZZ_SEED"] ?? 20_260_101)
const count = Number(process.env["FUZZ_COUNT"] ?? 2500)

interface Answered {
  status: number
  contentType: string
  bytes: Buffer
}

function fire(session: ClientHttp2Session, shot: Shot): Promise<Answered> {
  return new Promise((resolve) => {
    const { method, path, headers, body } = shot
    const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: !body })
    let status = 0
    let contentType = ""
    let chunks: Buffer[] = []
    stream.on("response", (answer) => {
      status = answer[":status"] ?? 0
      contentType = String(answer["content-type"] ?? "")
    })
    stream.on("data", (chunk: Buffer) => chunks.push(chunk))
    // The server may stop reading a body once it has answered; no answer at all is a fault.
    stream.on("error", (error) => {
      if (status === 0) chunks = [Buffer.from(String(error))]
    })
    stream.on("close", () => resolve({ status, contentType, bytes: Buffer.concat(chunks) }))
    if (body) stream.end(body)
  })
}

async function isAlive(server: TestServer): Promise<void> {
  assert.equal((await server.http("GET", "/readyz")).text, "ok")
}

test(`malformed requests are refused, and do no harm (seed ${seed}, ${count} requests)`, async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  await server.http("POST", "/api/v1/namespaces/default/configmaps", { body: { metadata: { name: "known" } } })
  const fuzzer = new Fuzzer(newRandom(seed))
  const session = connect(server.url, { ca: server.pki.ca })
  t.after(() => session.destroy())
  const revision = await server.store.currentRevision()
  const statuses = new Map<number, number>()
  /** One of each. */
  const faults = new Map<string, string>()
  const run = async (shots: number): Promise<void> => {
    for (let done = 0; done < shots; done += 10) {
      const volley = Array.from({ length: 10 }, () => fuzzer.shot())
      const answers = await Promise.all(volley.map((shot) => fire(session, shot)))
      for (const [index, answer] of answers.entries()) {
        const wrong = findWrong(volley[index] as Shot, answer)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        if (wrong) faults.set(answer.bytes.toString("latin1", 0, 200), wrong)
      }
    }
  }
  await run(Math.floor(count / 2))
  const before = settledMemory()
  await run(Math.ceil(count / 2))
  const grown = settledMemory() - before
  assert.deepEqual([...faults.values()], [])
  assert.equal(await server.store.currentRevision(), revision, "the store changed")
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined)
  assert.ok(grown < 32 * 1024 * 1024, `the heap grew by ${grown} bytes`)
  assert.ok((statuses.get(400) ?? 0) > count / 20, "the requests were not malformed enough")
  await isAlive(server)
})

/** The Status an error came as, in whatever form the client wanted it. */
function statusOf({ contentType, bytes }: Answered): { kind?: string; code?: number; message?: string } {
  const target = { kind: "Status", type: "io.k8s.apimachinery.pkg.apis.meta.v1.Status" }
  switch (contentType) {
    case "application/vnd.kubernetes.protobuf":
      return protobufBodyValue(bytes, target, schemaSource)
    case "application/yaml":
      return parse(bytes.toString())
    default:
      return JSON.parse(bytes.toString())
  }
}

/** What is wrong with an answer, if anything. */
function findWrong(shot: Shot, answer: Answered): string | undefined {
  const { method, path, body } = shot
  const told = `${method} ${path} ${body?.subarray(0, 600).toString() ?? ""} → ${answer.status} ${answer.bytes.toString("utf8", 0, 400)}`
  // 504: a resourceVersion that is far ahead, which upstream answers so as well.
  if (answer.status < 200 || (answer.status >= 500 && answer.status !== 504)) return told
  if (answer.status < 400 || method === "HEAD") return undefined
  try {
    const status = statusOf(answer)
    return status.kind === "Status" && status.code === answer.status && status.message ? undefined : told
  } catch {
    return told
  }
}

function settledMemory(): number {
  // Whatever flags this process was started with.
  setFlagsFromString("--expose-gc")
  runInNewContext("gc")()
  return process.memoryUsage().heapUsed
}

test("connections that break the rules are closed, and nobody else notices", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const { port } = new URL(server.url)
  const raw = (text: string, isHalfClosed: boolean): Promise<string> =>
    new Promise((resolve) => {
      const socket = tlsConnect({
        host: "127.0.0.1",
        port: Number(port),
        ca: server.pki.ca,
        ALPNProtocols: ["http/1.1"],
      })
      let answer = ""
      socket.setEncoding("utf8")
      socket.on("secureConnect", () => (isHalfClosed ? socket.end(text) : socket.write(text)))
      socket.on("data", (chunk: string) => {
        answer += chunk
        if (!isHalfClosed) socket.end()
      })
      socket.on("error", () => undefined)
      socket.on("close", () => resolve(answer))
    })
  const post = "POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
  const rows: readonly { name: string; text: string; isHalfClosed?: boolean; wanted: RegExp }[] = [
    { name: "no HTTP at all", text: "hello\r\n\r\n", wanted: /^HTTP\/1.1 400 / },
    { name: "no host", text: "GET /healthz HTTP/1.1\r\n\r\n", wanted: /^HTTP\/1.1 400 / },
    { name: "two lengths", text: `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`, wanted: /^HTTP\/1.1 400 / },
    {
      name: "a length and chunks",
      text: `${post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      wanted: /^HTTP\/1.1 400 /,
    },
    { name: "a bad chunk", text: `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, wanted: /^(HTTP\/1.1 400 |$)/ },
    {
      name: "endless headers",
      text: `GET / HTTP/1.1\r\nX: ${"a".repeat(200_000)}\r\n`,
      wanted: /^HTTP\/1.1 4(00|31) /,
    },
    {
      name: "a body that ends early",
      text: `${post}Content-Length: 100\r\n\r\n{"metadata"`,
      isHalfClosed: true,
      wanted: /^(HTTP\/1.1 400 |$)/,
    },
    { name: "a path that is a host", text: "GET http://x/y HTTP/1.1\r\nHost: x\r\n\r\n", wanted: /^HTTP\/1.1 40\d / },
    { name: "a tunnel", text: "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", wanted: /^(HTTP\/1.1 4\d\d |$)/ },
    {
      name: "an upgrade to nothing",
      text: "GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: nonsense\r\n\r\n",
      wanted: /^(HTTP\/1.1 [24]\d\d |$)/,
    },
  ]
  for (const { name, text, isHalfClosed = false, wanted } of rows) {
    await t.test(name, async () => {
      assert.match(await raw(text, isHalfClosed), wanted)
      await isAlive(server)
    })
  }
})

test("a body that is too large is refused before it is read", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const session = connect(server.url, { ca: server.pki.ca })
  t.after(() => session.destroy())
  const stream = session.request({
    ":method": "POST",
    ":path": "/api/v1/namespaces",
    "content-type": "application/json",
  })
  let status = 0
  stream.on("response", (answer) => {
    status = answer[":status"] ?? 0
  })
  stream.on("error", () => undefined)
  stream.resume()
  const block = Buffer.alloc(64 * 1024, 0x20)
  const pump = (): void => {
    while (!stream.destroyed && status === 0 && stream.write(block));
  }
  stream.on("drain", pump)
  pump()
  await waitFor(systemClock, () => status !== 0, { description: "an answer", timeoutMs: 60_000 })
  assert.equal(status, 413)
  stream.destroy()
  await isAlive(server)
})
