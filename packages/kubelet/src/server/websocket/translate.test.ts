import assert from "node:assert/strict"
import { createHash, randomBytes } from "node:crypto"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { type TestContext, test } from "node:test"
import { constants, inflateSync } from "node:zlib"
import { systemClock, waitFor } from "@ladya/util"
import { translateStreams } from "./translate.ts"

const until = (description: string, condition: () => unknown) =>
  waitFor(systemClock, condition, { description, timeoutMs: 30_000 })

/** A runtime's streaming server: what it was told of each stream, and ways to answer. */
interface Runtime {
  address: string
  /** Stream numbers by their type. */
  streams: Map<string, number>
  input: Map<number, Buffer>
  finished: Set<number>
  pings: number
  socket?: Socket
  send(stream: number, text: string): void
}

async function startRuntime(t: TestContext): Promise<Runtime> {
  const runtime: Runtime = {
    ...{ address: "", streams: new Map(), input: new Map(), finished: new Set(), pings: 0 },
    send(stream, text) {
      const head = Buffer.alloc(8)
      head.writeUInt32BE(stream)
      head.writeUInt32BE(Buffer.byteLength(text), 4)
      runtime.socket?.write(Buffer.concat([head, Buffer.from(text)]))
    },
  }
  // Headers are one compressed stream for the whole connection.
  const headers: Buffer[] = []
  const control = (type: number, payload: Buffer): void => {
    const stream = payload.readUInt32BE(0)
    if (type === 6) runtime.pings++
    if (type !== 1) return
    const before = inflate(headers).length
    headers.push(payload.subarray(10))
    const block = inflate(headers).subarray(before)
    assert.equal(block.readUInt32BE(0), 1)
    const nameLength = block.readUInt32BE(4)
    assert.equal(block.toString("utf8", 8, 8 + nameLength), "streamtype")
    runtime.streams.set(block.toString("utf8", 12 + nameLength), stream)
  }
  const server = createServer((socket) => {
    runtime.socket = socket
    let unread = Buffer.alloc(0)
    let isOpen = false
    socket.on("error", () => undefined)
    socket.on("data", (chunk) => {
      unread = Buffer.concat([unread, chunk])
      if (!isOpen) {
        const end = unread.indexOf("\r\n\r\n")
        if (end < 0) return
        assert.match(unread.toString("utf8", 0, end), /^POST \/exec\/token HTTP\/1\.1\r\n[\s\S]*Upgrade: SPDY\/3\.1/)
        isOpen = true
        unread = unread.subarray(end + 4)
        socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n")
      }
      while (unread.length >= 8 && unread.length >= 8 + unread.readUIntBE(5, 3)) {
        const length = unread.readUIntBE(5, 3)
        const first = unread.readUInt32BE(0)
        const payload = unread.subarray(8, 8 + length)
        if (first >= 0x80000000) control(first & 0xffff, payload)
        else {
          runtime.input.set(first, Buffer.concat([runtime.input.get(first) ?? Buffer.alloc(0), payload]))
          if (((unread[4] as number) & 1) === 1) runtime.finished.add(first)
        }
        unread = unread.subarray(8 + length)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  t.after(() => {
    runtime.socket?.destroy()
    server.close()
  })
  runtime.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/exec/token`
  return runtime
}

const inflate = (blocks: readonly Buffer[]): Buffer =>
  blocks.length === 0 ? Buffer.alloc(0) : inflateSync(Buffer.concat(blocks), { finishFlush: constants.Z_SYNC_FLUSH })

interface WebSocketClient {
  head: string
  messages: Buffer[]
  closeCode: number | undefined
  isEnded: boolean
  send(opcode: number, payload: Buffer): void
}

async function startClient(t: TestContext, address: string, tty = false): Promise<WebSocketClient> {
  const server = createHttpServer()
  server.on("upgrade", (request, socket, head) => {
    const streams = { stdin: true, stdout: true, stderr: !tty, tty }
    void translateStreams(request, { socket, head }, address, streams)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
  t.after(() => {
    socket.destroy()
    server.close()
    server.closeAllConnections()
  })
  const client: WebSocketClient = {
    ...{ head: "", messages: [], closeCode: undefined, isEnded: false },
    send(opcode, payload) {
      const mask = randomBytes(4)
      const head = payload.length < 126 ? [0x80 | opcode, 0x80 | payload.length] : [0x80 | opcode, 0x80 | 126]
      const length = Buffer.alloc(payload.length < 126 ? 0 : 2)
      if (length.length > 0) length.writeUInt16BE(payload.length)
      const masked = payload.map((byte, at) => byte ^ (mask[at & 3] as number))
      socket.write(Buffer.concat([Buffer.from(head), length, mask, masked]))
    },
  }
  let unread = Buffer.alloc(0)
  socket.on("end", () => {
    client.isEnded = true
  })
  socket.on("error", () => undefined)
  socket.on("data", (chunk) => {
    unread = Buffer.concat([unread, chunk])
    if (!client.head) {
      const end = unread.indexOf("\r\n\r\n")
      if (end < 0) return
      client.head = unread.toString("utf8", 0, end)
      unread = unread.subarray(end + 4)
    }
    while (unread.length >= 2) {
      const length = unread[1] as number
      assert.ok(length < 126)
      if (unread.length < 2 + length) return
      const payload = unread.subarray(2, 2 + length)
      if (((unread[0] as number) & 15) === 8) client.closeCode = payload.readUInt16BE(0)
      else client.messages.push(payload)
      unread = unread.subarray(2 + length)
    }
  })
  socket.write(
    `GET /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n\r\n`,
  )
  await until("the handshake", () => client.head)
  return client
}

const key = randomBytes(16).toString("base64")
const message = (channel: number, text: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(text)])

test("both ways: input, its end, outputs, status, close", async (t) => {
  const runtime = await startRuntime(t)
  const client = await startClient(t, runtime.address)
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
  assert.match(client.head, /^HTTP\/1\.1 101 /)
  assert.ok(client.head.includes(`Sec-WebSocket-Accept: ${accept}`))
  assert.ok(client.head.endsWith("Sec-WebSocket-Protocol: v5.channel.k8s.io"))
  await until("the streams", () => runtime.streams.size === 4)
  assert.deepEqual(Object.fromEntries(runtime.streams), { error: 1, stdin: 3, stdout: 5, stderr: 7 })

  client.send(2, message(0, "in"))
  client.send(2, message(0, "put".repeat(100)))
  // Only what is input goes in.
  client.send(2, message(1, "forged"))
  client.send(9, Buffer.from("ping"))
  client.send(2, Buffer.from([255, 0]))
  await until("the end of the input", () => runtime.finished.has(3))
  assert.equal(runtime.input.get(3)?.toString(), `in${"put".repeat(100)}`)
  assert.equal(runtime.input.has(5), false)

  runtime.socket?.write(Buffer.from([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 9]))
  await until("the ping's echo", () => runtime.pings === 1)
  runtime.send(5, "out")
  runtime.send(7, "err")
  runtime.send(1, '{"status":"Success"}')
  runtime.socket?.end()
  await until("the close", () => client.isEnded)
  assert.equal(client.closeCode, 1000)
  assert.deepEqual(client.messages.map(String), ["ping", "\u0001out", "\u0002err", '\u0003{"status":"Success"}'])
})

test("a terminal has sizes and no error output; a client that leaves ends the stream", async (t) => {
  const runtime = await startRuntime(t)
  const client = await startClient(t, runtime.address, true)
  await until("the streams", () => runtime.streams.size === 4)
  assert.deepEqual([...runtime.streams.keys()], ["error", "stdin", "stdout", "resize"])
  client.send(2, message(4, '{"Width":80,"Height":24}'))
  await until("the size", () => runtime.input.get(7)?.toString() === '{"Width":80,"Height":24}')
  client.send(8, Buffer.from([3, 232]))
  await until("the runtime's connection to close", () => runtime.socket?.destroyed)
  assert.equal(client.closeCode, 1000)
})
