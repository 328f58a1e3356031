import { randomBytes } from "node:crypto"
import { type TLSSocket, connect as tlsConnect } from "node:tls"
import { systemClock, waitFor } from "@ladya/util"
import type { TestServer } from "../../harness.ts"

export interface Message {
  opcode: number
  payload: Buffer
}

/** A bare WebSocket client. */
export class WebSocketClient {
  readonly #socket: TLSSocket
  #received = Buffer.alloc(0)
  isClosed = false

  constructor(server: TestServer, path: string, headers: Readonly<Record<string, string>> = {}) {
    const { hostname, port } = new URL(server.url)
    this.#socket = tlsConnect({ host: hostname, port: Number(port), ca: server.pki.ca, ALPNProtocols: ["http/1.1"] })
    this.#socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk])
    })
    this.#socket.on("error", () => undefined)
    this.#socket.on("close", () => {
      this.isClosed = true
    })
    const all: Record<string, string> = {
      Host: `${hostname}:${port}`,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`)
  }

  /** Status and headers of the answer, once they are there. */
  async head(): Promise<string> {
    await this.#until("the answer", () => this.#received.includes("\r\n\r\n"))
    return this.#received.toString("latin1", 0, this.#received.indexOf("\r\n\r\n"))
  }

  /** The first `count` messages. */
  async messages(count: number): Promise<Message[]> {
    await this.#until(`${count} messages`, () => this.#messages().length >= count)
    return this.#messages().slice(0, count)
  }

  /** Sends a frame, masked as clients have to. */
  send(opcode: number, payload: Buffer): void {
    const mask = randomBytes(4)
    const masked = payload.map((byte, at) => byte ^ (mask[at & 3] as number))
    this.#socket.write(Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | payload.length), mask, masked]))
  }

  async closed(): Promise<void> {
    await this.#until("the end of the connection", () => this.isClosed)
  }

  close(): void {
    this.#socket.destroy()
  }

  #messages(): Message[] {
    const found: Message[] = []
    const start = this.#received.indexOf("\r\n\r\n")
    let at = start < 0 ? this.#received.length : start + 4
    while (at + 2 <= this.#received.length) {
      const short = this.#received[at + 1] as number
      const head = short === 126 ? 4 : short === 127 ? 10 : 2
      if (at + head > this.#received.length) break
      const length =
        short === 126
          ? this.#received.readUInt16BE(at + 2)
          : short === 127
            ? Number(this.#received.readBigUInt64BE(at + 2))
            : short
      const end = at + head + length
      if (end > this.#received.length) break
      found.push({ opcode: (this.#received[at] as number) & 15, payload: this.#received.subarray(at + head, end) })
      at = end
    }
    return found
  }

  async #until(description: string, condition: () => boolean): Promise<void> {
    await waitFor(systemClock, condition, { description, timeoutMs: 30_000, intervalMs: 5 })
  }
}
