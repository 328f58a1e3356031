import assert from "node:assert/strict"
import { once } from "node:events"
import { type ClientHttp2Stream, connect, createServer } from "node:http2"
import type { AddressInfo } from "node:net"
import { type TestContext, test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { chunksOf } from "./chunks.ts"

/** A stream whose answer has begun: `body`, and then its end, or nothing more when `isCut`. */
async function answered(t: TestContext, body: Buffer, options: { isCut?: boolean } = {}): Promise<ClientHttp2Stream> {
  const server = createServer()
  server.on("stream", (stream) => {
    stream.on("error", () => undefined)
    stream.respond({ ":status": 200 })
    if (options.isCut) stream.write(body, () => stream.session?.destroy())
    else stream.end(body)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  session.on("error", () => undefined)
  t.after(() => {
    session.destroy()
    server.close()
  })
  const stream = session.request({ ":path": "/" })
  stream.on("error", () => undefined)
  await once(stream, "response")
  return stream
}

async function read(stream: ClientHttp2Stream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test("an answer that was whole before it was asked for is read", async (t) => {
  const stream = await answered(t, Buffer.from("all of it"))
  await waitFor(systemClock, () => stream.closed, { description: "the end of the exchange", timeoutMs: 10_000 })
  assert.equal(await read(stream), "all of it")
})

test("a long answer is read as it comes", async (t) => {
  const body = Buffer.alloc(3_000_000, "x")
  assert.equal((await read(await answered(t, body))).length, body.length)
})

test("an answer that was cut is not taken for a whole one", async (t) => {
  await assert.rejects(read(await answered(t, Buffer.from("half"), { isCut: true })))
})
