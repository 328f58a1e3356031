import { createHash } from "node:crypto"
import type { Duplex } from "node:stream"

/** What the server proves with that it read the handshake (RFC 6455, section 1.3). */
const acceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
/** Clients have nothing to say on these connections: a longer message is refused, in bytes. */
const maxMessageBytes = 64 * 1024

const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const
const closeCodes = { normal: 1000, protocolError: 1002, tooBig: 1009 } as const

type Headers = Readonly<Record<string, string | undefined>>

export function isWebSocketRequest(headers: Headers): boolean {
  return (headers["upgrade"] ?? "").toLowerCase() === "websocket" && /\bupgrade\b/i.test(headers["connection"] ?? "")
}

/** The subprotocols a client offers, in its order. */
export function offeredProtocols(headers: Headers): string[] {
  return (headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "")
}

/** Takes a WebSocket connection; false when the request is no proper handshake. Nothing was written then. */
export function acceptWebSocket(
  socket: Duplex,
  request: { headers: Headers },
  more: { protocol?: string | undefined; headers?: Readonly<Record<string, string>> },
): boolean {
  const key = request.headers["sec-websocket-key"] ?? ""
  if (request.headers["sec-websocket-version"] !== "13" || Buffer.from(key, "base64").length !== 16) return false
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${createHash("sha1")
      .update(key + acceptGuid)
      .digest("base64")}`,
    ...(more.protocol ? [`Sec-WebSocket-Protocol: ${more.protocol}`] : []),
    ...Object.entries(more.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.write(`${lines.join("\r\n")}\r\n\r\n`)
  return true
}

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  const headLength = length < 126 ? 2 : length < 0x10000 ? 4 : 10
  const bytes = Buffer.allocUnsafe(headLength + length)
  bytes[0] = 0x80 | opcode
  if (headLength === 2) bytes[1] = length
  else if (headLength === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  payload.copy(bytes, headLength)
  return bytes
}

/** The server's end of a WebSocket that only it speaks on: pings are answered, anything else the client says is dropped. */
export class WebSocketConnection {
  readonly #socket: Duplex
  #unread: Buffer = Buffer.alloc(0)
  #isClosing = false

  /** After the handshake. `head` is what came behind it already. */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => this.#receive(chunk))
    socket.on("end", () => socket.end())
    socket.on("error", () => socket.destroy())
    if (head.length > 0) this.#receive(head)
  }

  get pendingBytes(): number {
    return this.#socket.writableLength
  }

  /** Sends messages, each whole. */
  send(messages: readonly Buffer[], options: { isText: boolean }): void {
    if (this.#isClosing || this.#socket.destroyed || messages.length === 0) return
    const opcode = options.isText ? opcodes.text : opcodes.binary
    this.#socket.write(Buffer.concat(messages.map((message) => frame(opcode, message))))
  }

  /** Resolves when the client has taken enough for more to be sent, or is gone. */
  async writable(): Promise<void> {
    const socket = this.#socket
    if (!socket.writableNeedDrain || socket.destroyed) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off("drain", done)
        socket.off("close", done)
        resolve()
      }
      socket.on("drain", done)
      socket.on("close", done)
    })
  }

  get isOver(): boolean {
    return this.#isClosing || this.#socket.destroyed
  }

  /** Says goodbye, and closes when what was sent has left. */
  close(code: number = closeCodes.normal): void {
    if (this.#isClosing || this.#socket.destroyed) return
    this.#isClosing = true
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.#socket.end(frame(opcodes.close, payload))
  }

  abort(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    if (this.#isClosing) return
    this.#unread = this.#unread.length > 0 ? Buffer.concat([this.#unread, chunk]) : chunk
    while (this.#readFrame()) if (this.#isClosing) return
  }

  /** Takes one frame off what is unread; false when it is not all there yet. */
  #readFrame(): boolean {
    const bytes = this.#unread
    if (bytes.length < 2) return false
    const opcode = (bytes[0] as number) & 15
    const short = (bytes[1] as number) & 127
    const headLength = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < headLength) return false
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    // Only the server may send without a mask (RFC 6455, section 5.1).
    if (((bytes[1] as number) & 128) === 0) return this.#refuse(closeCodes.protocolError)
    if (length > maxMessageBytes) return this.#refuse(closeCodes.tooBig)
    const end = headLength + 4 + length
    if (bytes.length < end) return false
    const mask = bytes.subarray(headLength, headLength + 4)
    this.#unread = bytes.subarray(end)
    if (opcode === opcodes.close) this.close()
    else if (opcode === opcodes.ping) {
      const payload = Buffer.from(bytes.subarray(headLength + 4, end)).map(
        (byte, at) => byte ^ (mask[at & 3] as number),
      )
      this.#socket.write(frame(opcodes.pong, Buffer.from(payload)))
    }
    return true
  }

  #refuse(code: number): false {
    this.close(code)
    return false
  }
}
