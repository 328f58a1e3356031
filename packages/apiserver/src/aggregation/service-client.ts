import { once } from "node:events"
import type { Agent as HttpAgent, IncomingMessage, OutgoingHttpHeaders } from "node:http"
import type { Duplex } from "node:stream"
import { type TLSSocket, connect as tlsConnect } from "node:tls"
import { http } from "@ladya/util"
import type { ServiceDialer } from "../webhooks/service-dialer.ts"

type ServiceTarget = Parameters<ServiceDialer>[0]

/** How the server behind a Service is known, and how this one shows itself to it. */
export interface ServiceTls {
  /** PEM; what the system trusts unless given. */
  ca?: string | Buffer
  /** Any certificate will do. */
  insecure?: boolean
  /** PEM of a client certificate and its key. */
  cert?: string | Buffer
  key?: string | Buffer
}

export interface ServiceRequest {
  method: string
  /** With its query. */
  path: string
  headers: OutgoingHttpHeaders
  body?: Buffer
  signal: AbortSignal
}

/** An idle connection is closed after this: sooner than servers do it. */
const idleMs = 20_000

/** HTTPS to a Service from within the server, with connections that are kept for a while. */
export class ServiceClient {
  readonly #target: ServiceTarget
  readonly #dial: ServiceDialer
  readonly #tls: ServiceTls
  readonly #agent: HttpAgent

  constructor(deps: { target: ServiceTarget; dial: ServiceDialer; tls: ServiceTls }) {
    this.#target = deps.target
    this.#dial = deps.dial
    this.#tls = deps.tls
    // The plain agent: it gets connections that speak TLS already. Watches take one each, so there is no limit.
    this.#agent = new http.Agent({ keepAlive: true, maxFreeSockets: 8, timeout: idleMs })
    this.#agent.createConnection = (_options, done) => {
      this.connect().then(
        (socket) => done?.(null, socket),
        (error: Error) => done?.(error, undefined as unknown as Duplex),
      )
      return undefined
    }
  }

  /** The name that the server's certificate must bear. */
  get serverName(): string {
    return `${this.#target.name}.${this.#target.namespace}.svc`
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A new TLS connection. Rejects with what was wrong with the way or the certificate. */
  async connect(): Promise<TLSSocket> {
    const { ca, insecure, cert, key } = this.#tls
    const socket = await this.#dial(this.#target)
    const secure = tlsConnect({
      socket,
      servername: this.serverName,
      ALPNProtocols: ["http/1.1"],
      rejectUnauthorized: insecure !== true,
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
    })
    try {
      await Promise.race([
        once(secure, "secureConnect"),
        // A side that goes away within the handshake says nothing more.
        once(secure, "close").then(() => Promise.reject(new Error("connection closed in the TLS handshake"))),
      ])
    } catch (error) {
      secure.destroy()
      socket.destroy()
      throw error
    }
    return secure
  }

  /** Resolves with the head of the answer. */
  async request(request: ServiceRequest): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { method, path, headers, body, signal } = request
    const length = body ? { "content-length": body.length } : {}
    const host = `${this.serverName}:${this.#target.port}`
    const outgoing = http.request(
      { method, path, signal, agent: this.#agent, headers: { ...headers, ...length, host } },
      resolve,
    )
    outgoing.on("error", (error: Error & { code?: string }) => {
      // The other side may close a kept connection just when it is used again.
      const mayRepeat = outgoing.reusedSocket && error.code === "ECONNRESET" && !signal.aborted
      if (mayRepeat && (method === "GET" || method === "HEAD")) resolve(this.request(request))
      else reject(error)
    })
    outgoing.end(body)
    return promise
  }
}
