import { once } from "node:events"
import type { IncomingMessage } from "node:http"
import { Agent, request as httpsRequest } from "node:https"
import { isIP, type Socket } from "node:net"
import type { Duplex } from "node:stream"
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls"
import type { corev1 } from "@ladya/api"
import { newStatusError } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import type { KubeletCredentials } from "./lookup.ts"

const defaultKubeletPort = 10_250

export interface KubeletAddress {
  host: string
  port: number
}

/** Where a Node's kubelet listens: its InternalIP first, as upstream's default order of address types has it. */
export function kubeletAddress(node: corev1.Node): KubeletAddress {
  const addresses = node.status?.addresses ?? []
  for (const type of ["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"]) {
    const found = addresses.find((entry) => entry.type === type && isIP(entry.address) !== 0)
    if (found)
      return { host: found.address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultKubeletPort }
  }
  throw newStatusError(
    "InternalError",
    `no preferred addresses found; known addresses: [${addresses.map((entry) => entry.address).join(" ")}]`,
  )
}

/** Connections to kubelets, and through them to what runs on their nodes. */
export class NodeDialer {
  readonly #credentials: KubeletCredentials
  readonly #agent: Agent

  constructor(credentials: KubeletCredentials) {
    this.#credentials = credentials
    this.#agent = new Agent({ ...this.#tls(), keepAlive: true, maxSockets: 256, timeout: 0 })
  }

  close(): void {
    this.#agent.destroy()
  }

  /** An HTTP request to the kubelet. Resolves with the answer's head. */
  request(
    address: KubeletAddress,
    options: { method: string; path: string; headers?: Record<string, string>; body?: Buffer; signal: AbortSignal },
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { method, path, headers = {}, body, signal } = options
      const request = httpsRequest(
        { host: address.host, port: address.port, agent: this.#agent, method, path, headers, signal },
        resolve,
      )
      request.on("error", (error) => reject(unreachable(address, error)))
      request.end(body)
    })
  }

  /** A raw TLS connection to the kubelet. */
  async connect(address: KubeletAddress): Promise<TLSSocket> {
    const options: ConnectionOptions & { allowHalfOpen: boolean } = {
      ...this.#tls(),
      host: address.host,
      port: address.port,
      ALPNProtocols: ["http/1.1"],
      // One side of a stream may have said all while the other goes on.
      allowHalfOpen: true,
    }
    const socket = tlsConnect(options)
    try {
      await once(socket, "secureConnect")
    } catch (error) {
      throw unreachable(address, error)
    }
    return socket
  }

  /** A connection to `host:port` as its node sees it, by HTTP CONNECT through the node's kubelet: no route to pods is needed here. */
  async dial(address: KubeletAddress, host: string, port: number): Promise<Duplex> {
    const socket = await this.connect(address)
    const target = `${host.includes(":") ? `[${host}]` : host}:${port}`
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
    const head = await readHead(socket)
    const status = /^HTTP\/1\.1 (\d{3}) ?(.*)/.exec(head)
    if (status?.[1] !== "200") {
      socket.destroy()
      throw newStatusError(
        "ServiceUnavailable",
        `error trying to reach ${target}: ${status?.[2] || "the node refused"}`,
      )
    }
    return socket
  }

  #tls(): { ca: string | Buffer; cert: string | Buffer; key: string | Buffer; checkServerIdentity: () => undefined } {
    const { ca, cert, key } = this.#credentials
    // The CA signs kubelets alone and addresses change: the chain is checked, the name is not, as upstream does with --kubelet-certificate-authority unset.
    return { ca, cert, key, checkServerIdentity: () => undefined }
  }
}

function unreachable(address: KubeletAddress, error: unknown): Error {
  if (error instanceof Error && error.name === "AbortError") return error
  return newStatusError(
    "ServiceUnavailable",
    `cannot reach the kubelet at ${address.host}:${address.port}: ${errorMessage(error)}`,
  )
}

const maxHeadBytes = 64 * 1024

/** Reads an HTTP head off the socket and puts back what follows it. */
async function readHead(socket: Socket): Promise<string> {
  let received = Buffer.alloc(0)
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) {
      const [event] = await Promise.race([
        once(socket, "readable").then(() => ["readable"]),
        once(socket, "close").then(() => ["close"]),
      ])
      if (event === "close") throw newStatusError("ServiceUnavailable", "the node closed the connection")
      continue
    }
    received = Buffer.concat([received, chunk])
    const end = received.indexOf("\r\n\r\n")
    if (end >= 0) {
      if (received.length > end + 4) socket.unshift(received.subarray(end + 4))
      return received.subarray(0, end).toString("latin1")
    }
    if (received.length > maxHeadBytes) throw newStatusError("ServiceUnavailable", "the node's answer has no end")
  }
}
