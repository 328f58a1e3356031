import { createHash } from "node:crypto"
import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"

/** What the server proves with that it read the handshake (RFC 6455, section 1.3). */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
/** A longer message is refused, in bytes. */
const maxMessageBytes = 32 * 1024 * 1024
const opcodes = { continuation: 0, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface WebSocketListener {
  onMessage(message: Buffer): void
  onClose(): void
  onDrain(): void
}

/** The subprotocols a client offers, in its order. */
export function offeredProtocols(request: IncomingMessage): string[] {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim())
}

/** The server's end of a WebSocket that both sides speak binary messages on. */
export class WebSocketServerEnd {
  readonly #socket: Duplex
  readonly #listener: WebSocketListener
  #unread: Buffer
  #parts: Buffer[] = []
  #isClosed = false

  /** Answers the handshake. `head` is what came behind it already. */
  constructor(
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
    protocol: string,
    listener: WebSocketListener,
  ) {
    this.#socket = socket
    this.#listener = listener
    this.#unread = head
    const key = request.headers["sec-websocket-key"] ?? ""
    const accept = createHash("sha1")
      .update(key + acceptGuid)
      .digest("base64")
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${accept}`,
      `Sec-WebSocket-Protocol: ${protocol}`,
    ]
    socket.write(`${lines.join("\r\n")}\r\n\r\n`)
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

  /** False: enough is on its way, wait for `onDrain`. */
  send(channel: number, data: Buffer): boolean {
    if (this.#isClosed || this.#socket.destroyed) return true
    return this.#socket.write(frame(opcodes.binary, Buffer.concat([Buffer.from([channel]), data])))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Says goodbye with this code of RFC 6455. */
  close(code: number): void {
    if (this.#isClosed || this.#socket.destroyed) return
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.#socket.end(frame(opcodes.close, payload))
    this.#isClosed = true
  }

  #end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listener.onClose()
    this.#socket.end()
  }

  #fail(code: number): void {
    this.close(code)
    this.#listener.onClose()
  }

  #read(): void {
    while (!this.#isClosed && this.#readFrame()) {
      // Until it is not all there.
    }
  }

  #readFrame(): boolean {
    const bytes = this.#unread
    if (bytes.length < 2) return false
    const first = bytes[0] as number
    const second = bytes[1] as number
    const short = second & 127
    const headLength = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < headLength) return false
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    // Only the server may send without a mask (section 5.1).
    if ((second & 128) === 0) {
      this.#fail(1002)
      return false
    }
    if (length > maxMessageBytes) {
      this.#fail(1009)
      return false
    }
    const end = headLength + 4 + length
    if (bytes.length < end) return false
    const mask = bytes.subarray(headLength, headLength + 4)
    const payload = Buffer.from(bytes.subarray(headLength + 4, end))
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (mask[i & 3] as number)
    this.#unread = bytes.subarray(end)
    this.#take(first & 15, (first & 128) !== 0, payload)
    return true
  }

  #take(opcode: number, isFinal: boolean, payload: Buffer): void {
    if (opcode === opcodes.ping) this.#socket.write(frame(opcodes.pong, payload))
    else if (opcode === opcodes.close) this.#fail(1000)
    else if (opcode < opcodes.close) {
      if (opcode !== opcodes.continuation) this.#parts = []
      this.#parts.push(payload)
      if (!isFinal) return
      const message = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts)
      this.#parts = []
      this.#listener.onMessage(message)
    }
  }
}

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 0x10000 ? 4 : 10)
  head[0] = 0x80 | opcode
  if (head.length === 2) head[1] = length
  else if (head.length === 4) {
    head[1] = 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, payload])
}
