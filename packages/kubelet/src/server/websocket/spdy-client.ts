import { connect, type Socket } from "node:net"

const version = 0x8003
const types = { synStream: 1, rstStream: 3, ping: 6, goAway: 7 } as const
const flagFin = 1
/** Zlib's head: deflate, no preset dictionary. Blocks that are stored as they are follow it. */
const zlibHead = Buffer.from([0x78, 0x01])

/** What a SPDY connection tells its owner. */
export interface SpdyListener {
  onData(stream: number, data: Buffer): void
  /** Nothing comes any more. */
  onClose(): void
  /** The peer takes data again. */
  onDrain(): void
}

/**
 * The client's end of the SPDY/3.1 that container runtimes stream by (the draft's sections 2.2 and 2.6): opens streams, sends and
 * receives their data. The headers that the runtime answers with say nothing that is needed, so they are not unpacked.
 */
export class SpdyClient {
  readonly #socket: Socket
  readonly #listener: SpdyListener
  #unread: Buffer
  #nextStream = 1
  #hasSentHeaders = false
  #isClosed = false

  /** After the handshake; `head` is what came behind it already. */
  constructor(socket: Socket, head: Buffer, listener: SpdyListener) {
    this.#socket = socket
    this.#listener = listener
    this.#unread = head
    socket.on("data", (chunk: Buffer) => {
      this.#unread = this.#unread.length > 0 ? Buffer.concat([this.#unread, chunk]) : chunk
      this.#read()
    })
    socket.on("drain", () => listener.onDrain())
    socket.on("error", () => socket.destroy())
    socket.on("end", () => this.#end())
    socket.on("close", () => this.#end())
    this.#read()
  }

  /** Opens a stream of this kind (`stdin`, `error`, …) and gives its number. */
  open(streamType: string): number {
    const stream = this.#nextStream
    this.#nextStream += 2
    const name = Buffer.from("streamtype")
    const value = Buffer.from(streamType)
    const pairs = Buffer.concat([uint32(1), uint32(name.length), name, uint32(value.length), value])
    const block = Buffer.concat([...(this.#hasSentHeaders ? [] : [zlibHead]), stored(pairs), stored(Buffer.alloc(0))])
    this.#hasSentHeaders = true
    this.#control(types.synStream, Buffer.concat([uint32(stream), uint32(0), Buffer.alloc(2), block]))
    return stream
  }

  /** False: enough is on its way, wait for `onDrain`. */
  send(stream: number, data: Buffer): boolean {
    return this.#write(Buffer.concat([dataHead(stream, 0, data.length), data]))
  }

  /** Ends one's own half of a stream. */
  finish(stream: number): void {
    this.#write(dataHead(stream, flagFin, 0))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #write(bytes: Buffer): boolean {
    return this.#socket.destroyed || this.#isClosed || this.#socket.write(bytes)
  }

  #control(type: number, payload: Buffer): void {
    const head = Buffer.alloc(8)
    head.writeUInt16BE(version, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE(payload.length, 4)
    this.#write(Buffer.concat([head, payload]))
  }

  #read(): void {
    let at = 0
    const bytes = this.#unread
    while (bytes.length - at >= 8) {
      const length = bytes.readUIntBE(at + 5, 3)
      if (bytes.length - at < 8 + length) break
      const payload = bytes.subarray(at + 8, at + 8 + length)
      const first = bytes.readUInt32BE(at)
      at += 8 + length
      if (first < 0x80000000) {
        if (length > 0) this.#listener.onData(first, payload)
        continue
      }
      const type = first & 0xffff
      if (type === types.ping) this.#control(types.ping, payload)
      else if (type === types.goAway || type === types.rstStream) this.#socket.end()
    }
    this.#unread = bytes.subarray(at)
  }

  #end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listener.onClose()
    this.#socket.end()
  }
}

/** Asks a streaming address of the runtime for SPDY. Throws when it refuses. */
export async function connectSpdy(address: string, listener: SpdyListener): Promise<SpdyClient> {
  const url = new URL(address)
  const socket = connect({ host: url.hostname, port: Number(url.port) })
  socket.setNoDelay(true)
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Connection: Upgrade",
    "Upgrade: SPDY/3.1",
    "X-Stream-Protocol-Version: v4.channel.k8s.io",
    "Content-Length: 0",
  ]
  socket.write(`${lines.join("\r\n")}\r\n\r\n`)
  const head = await new Promise<Buffer>((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0)
    const settle = (error?: Error): void => {
      socket.removeAllListeners()
      socket.pause()
      if (error) {
        socket.destroy()
        reject(error)
        return
      }
      resolve(seen)
    }
    socket.on("error", settle)
    socket.on("close", () => settle(new Error("the runtime closed the stream")))
    socket.on("data", (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const end = seen.indexOf("\r\n\r\n")
      if (end < 0) return
      const status = seen.toString("latin1", 0, seen.indexOf("\r\n"))
      if (!/^HTTP\/1\.1 101 /.test(status)) return settle(new Error(`the runtime answered ${status}`))
      seen = seen.subarray(end + 4)
      settle()
    })
  })
  const client = new SpdyClient(socket, head, listener)
  socket.resume()
  return client
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/**
 * A deflate block that holds the bytes as they are (RFC 1951, section 3.2.4), and is not the last. An empty one tells
 * the reader to hand over what it has.
 */
function stored(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt16LE(bytes.length, 1)
  head.writeUInt16LE(~bytes.length & 0xffff, 3)
  return Buffer.concat([head, bytes])
}

function dataHead(stream: number, flags: number, length: number): Buffer {
  const head = uint32(stream)
  const rest = uint32(length)
  rest[0] = flags
  return Buffer.concat([head, rest])
}
