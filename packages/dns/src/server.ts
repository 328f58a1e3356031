import { createSocket, type Socket as UdpSocket } from "node:dgram"
import { once } from "node:events"
import { createServer, type Socket, type Server as TcpServer } from "node:net"
import { errorMessage, type Logger } from "@ladya/util"

export type Respond = (query: Buffer, transport: "udp" | "tcp") => Promise<Buffer | undefined>

export interface DnsServerOptions {
  address: string
  /** 0 for any free one: the same for UDP and TCP. */
  port: number
  respond: Respond
  log: Logger
}

/** Idle TCP connections are closed after this long, as RFC 7766 advises. */
const tcpIdleMs = 10_000
const maxTcpConnections = 256

/** Listens on UDP and TCP at one address. */
export class DnsServer {
  readonly #options: DnsServerOptions
  readonly #connections = new Set<Socket>()
  #udp: UdpSocket | undefined
  #tcp: TcpServer | undefined

  constructor(options: DnsServerOptions) {
    this.#options = options
  }

  /** The port it listens on; 0 before it does. */
  get port(): number {
    return this.#udp?.address().port ?? 0
  }

  async start(): Promise<void> {
    const { address, port, respond, log } = this.#options
    const udp = createSocket({ type: address.includes(":") ? "udp6" : "udp4" })
    udp.on("message", (query, peer) => {
      respond(query, "udp")
        .then((answer) => {
          if (answer) udp.send(answer, peer.port, peer.address, () => undefined)
        })
        .catch((error: unknown) => log.error("answer failed", { error: errorMessage(error) }))
    })
    udp.bind(port, address)
    await once(udp, "listening")
    udp.on("error", (error) => log.error("UDP socket failed", { error }))
    this.#udp = udp
    const tcp = createServer((socket) => this.#serve(socket))
    tcp.maxConnections = maxTcpConnections
    tcp.listen(udp.address().port, address)
    try {
      await once(tcp, "listening")
    } catch (error) {
      udp.close()
      this.#udp = undefined
      throw error
    }
    this.#tcp = tcp
  }

  async stop(): Promise<void> {
    for (const socket of this.#connections) socket.destroy()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#tcp) this.#tcp.close(() => resolve())
    else resolve()
    this.#udp?.close()
    this.#udp = undefined
    this.#tcp = undefined
    await promise
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket)
    socket.setTimeout(tcpIdleMs, () => socket.destroy())
    socket.on("error", () => socket.destroy())
    socket.on("close", () => this.#connections.delete(socket))
    let pending = Buffer.alloc(0)
    socket.on("data", (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (pending.length >= 2) {
        const length = pending.readUInt16BE(0)
        if (pending.length < length + 2) return
        const query = pending.subarray(2, length + 2)
        pending = pending.subarray(length + 2)
        this.#options
          .respond(query, "tcp")
          .then((answer) => {
            if (!answer || socket.destroyed) return
            const head = Buffer.alloc(2)
            head.writeUInt16BE(answer.length)
            socket.write(Buffer.concat([head, answer]))
          })
          .catch((error: unknown) => {
            this.#options.log.error("answer failed", { error: errorMessage(error) })
            socket.destroy()
          })
      }
    })
  }
}
