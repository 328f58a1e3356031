import { createSocket } from "node:dgram"
import { createConnection } from "node:net"
import type { Clock, Timer } from "@ladya/util"

export interface ForwarderOptions {
  /** Addresses of the upstream servers, asked in order. */
  upstreams: readonly string[]
  port?: number
  /** How long one upstream may take. */
  timeoutMs?: number
  clock: Clock
}

/** Sends a query as it is to the upstream servers, and resolves with the first answer as it is. */
export interface Forwarder {
  /** Rejects when no upstream answered. */
  forward(query: Buffer, transport: "udp" | "tcp"): Promise<Buffer>
}

export function newForwarder(options: ForwarderOptions): Forwarder {
  const { clock, port = 53, timeoutMs = 2000 } = options
  return {
    async forward(query, transport) {
      let lastError: unknown = new Error("no upstream DNS server is configured")
      for (const upstream of options.upstreams) {
        try {
          return transport === "udp"
            ? await askUdp(query, upstream, port, timeoutMs, clock)
            : await askTcp(query, upstream, port, timeoutMs, clock)
        } catch (error) {
          lastError = error
        }
      }
      throw lastError
    },
  }
}

function askUdp(query: Buffer, address: string, port: number, timeoutMs: number, clock: Clock): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A socket a query: the kernel picks a random port, which is what keeps forged answers out.
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4")
    const finish = (error: Error | undefined, answer?: Buffer): void => {
      timer.cancel()
      socket.close()
      if (answer) resolve(answer)
      else reject(error)
    }
    const timer: Timer = clock.setTimeout(() => finish(new Error(`${address} did not answer`)), timeoutMs)
    socket.on("error", (error) => finish(error))
    socket.on("message", (message) => {
      if (message.length >= 12 && message.readUInt16BE(0) === query.readUInt16BE(0)) finish(undefined, message)
    })
    socket.connect(port, address, () => socket.send(query))
  })
}

function askTcp(query: Buffer, address: string, port: number, timeoutMs: number, clock: Clock): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address, port })
    let received = Buffer.alloc(0)
    const finish = (error: Error | undefined, answer?: Buffer): void => {
      timer.cancel()
      socket.destroy()
      if (answer) resolve(answer)
      else reject(error)
    }
    const timer: Timer = clock.setTimeout(() => finish(new Error(`${address} did not answer`)), timeoutMs)
    socket.on("error", (error) => finish(error))
    socket.on("close", () => finish(new Error(`${address} closed the connection`)))
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2) return
      const length = received.readUInt16BE(0)
      if (received.length >= length + 2) finish(undefined, received.subarray(2, length + 2))
    })
    const head = Buffer.alloc(2)
    head.writeUInt16BE(query.length)
    socket.write(Buffer.concat([head, query]))
  })
}

/** The name servers of a resolv.conf text. */
export function nameserversOf(resolvConf: string): string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] as string)
}
