import type { IncomingMessage, ServerResponse } from "node:http"
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import { errorMessage, type Logger } from "@ladya/util"
import type { Handler } from "../request.ts"
import { serveHttp1, serveUpgrade } from "./http1.ts"
import { serveHttp2 } from "./http2.ts"

export interface TlsMaterial {
  /** PEM. */
  cert: string | Buffer
  key: string | Buffer
  /** The CAs that client certificates may come from. */
  clientCA: string | Buffer | readonly (string | Buffer)[]
}

export interface HttpServerDeps {
  handler: Handler
  log: Logger
  tls: TlsMaterial
}

/** HTTPS with HTTP/2 and HTTP/1.1 on one address. */
export class HttpServer {
  readonly #server: Http2SecureServer
  readonly #log: Logger
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  #inFlight = 0
  #onIdle: (() => void) | undefined
  #isStopping = false

  constructor(deps: HttpServerDeps) {
    this.#log = deps.log
    const { handler, tls } = deps
    const server = createSecureServer({
      allowHTTP1: true,
      cert: tls.cert,
      key: tls.key,
      ca: Array.isArray(tls.clientCA) ? [...tls.clientCA] : (tls.clientCA as string | Buffer),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      settings: { maxConcurrentStreams: 1000, maxHeaderListSize: 64 * 1024, initialWindowSize: 256 * 1024 },
      maxSessionMemory: 256,
    })
    this.#server = server
    server.on("stream", (stream, headers) =>
      this.#track(
        serveHttp2(handler, stream, headers).catch((error: unknown) => {
          // Nobody waits for an answer that will not come.
          stream.close(constants.NGHTTP2_INTERNAL_ERROR)
          throw error
        }),
      ),
    )
    const mine = server.listeners("stream")
    server.on("request", (message, response) =>
      this.#track(
        serveHttp1(
          handler,
          message as unknown as IncomingMessage,
          response as unknown as ServerResponse<IncomingMessage>,
        ),
      ),
    )
    // Listening for requests makes Node wrap every HTTP/2 stream as well: those are served above.
    for (const listener of server.listeners("stream")) {
      if (!mine.includes(listener)) server.off("stream", listener as (...args: unknown[]) => void)
    }
    server.on("upgrade", (message: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#track(serveUpgrade(handler, message, socket, head)),
    )
    server.on("session", (session) => {
      this.#sessions.add(session)
      session.on("close", () => this.#sessions.delete(session))
      session.on("error", () => undefined)
    })
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket)
      // Small answers and events are not to wait for the client's acknowledgement of the last ones.
      socket.setNoDelay(true)
      socket.on("close", () => this.#sockets.delete(socket))
    })
    server.on("sessionError", () => undefined)
    server.on("tlsClientError", (error: Error) => this.#log.debug("TLS handshake failed", { reason: error.message }))
    server.on("clientError", (_error: Error, socket: Duplex) => {
      if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
      else socket.destroy()
    })
    server.setTimeout(0)
    Object.assign(server, { headersTimeout: 15_000, requestTimeout: 90_000, keepAliveTimeout: 190_000 })
  }

  listen(port: number, host: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject)
        this.#server.on("error", (error) => this.#log.error("server error", { error }))
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** New certificates for new connections. */
  setTls(tls: TlsMaterial): void {
    this.#server.setSecureContext({
      cert: tls.cert,
      key: tls.key,
      ca: Array.isArray(tls.clientCA) ? [...tls.clientCA] : (tls.clientCA as string | Buffer),
    })
  }

  /** Takes no more, lets what is in flight finish, and cuts the rest when `signal` aborts. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#isStopping = true
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.close()
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve
      if (this.#inFlight === 0) resolve()
      if (signal.aborted) resolve()
      else signal.addEventListener("abort", () => resolve(), { once: true })
    })
    await idle
    // One turn for the last bytes to leave.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (const session of this.#sessions) session.destroy()
    for (const socket of this.#sockets) socket.destroySoon()
    await Promise.race([closed, new Promise<void>((resolve) => setImmediate(resolve))])
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #track(served: Promise<void>): void {
    this.#inFlight++
    served
      .catch((error: unknown) => this.#log.error("answering failed", { reason: errorMessage(error) }))
      .finally(() => {
        this.#inFlight--
        if (this.#isStopping && this.#inFlight === 0) this.#onIdle?.()
      })
  }
}
