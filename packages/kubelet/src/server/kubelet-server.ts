import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, type Server } from "node:https"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type Component, errorMessage, type Logger } from "@ladya/util"
import type { Authenticator } from "./access/authentication.ts"
import type { Authorizer } from "./access/authorization.ts"
import type { Routes } from "./routes.ts"
import { HttpError } from "./streaming.ts"

export interface KubeletServerDeps {
  authenticate: Authenticator
  authorize: Authorizer
  routes: Routes
  log: Logger
  config: {
    /** The node's own address. */
    host: string
    /** 10250; 0 for any. */
    port: number
    /** Serving certificate and key, PEM. */
    certificate: string | Buffer
    key: string | Buffer
    /** The CA that signs clients, PEM. */
    clientCa: string | Buffer
  }
}

/** The kubelet's HTTPS server: what the API server asks of a node. */
export interface KubeletServer extends Component {
  /** Where it listens. */
  readonly port: number
}

export function newKubeletServer(deps: KubeletServerDeps): KubeletServer {
  return new HttpsKubeletServer(deps)
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
}

class HttpsKubeletServer implements KubeletServer {
  readonly name = "kubelet server"
  readonly #deps: KubeletServerDeps
  readonly #server: Server
  readonly #upgraded = new Set<Duplex>()

  constructor(deps: KubeletServerDeps) {
    this.#deps = deps
    const { certificate, key, clientCa } = deps.config
    this.#server = createServer({
      // One side of a stream may have said all while the other goes on.
      allowHalfOpen: true,
      keepAlive: true,
      cert: certificate,
      key,
      ca: clientCa,
      requestCert: true,
      // A bearer token will do instead.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["http/1.1"],
    })
    // A log may be followed, and an exec run, for days.
    this.#server.requestTimeout = 0
    this.#server.on("request", (request, response) => void this.#request(request, response))
    this.#server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head, "upgrade"))
    this.#server.on("connect", (request, socket, head) => void this.#upgrade(request, socket, head, "connect"))
    this.#server.on("tlsClientError", (error) => deps.log.debug("a client's TLS failed", { error: error.message }))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async start(): Promise<void> {
    const { host, port } = this.#deps.config
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject)
        resolve()
      })
    })
    this.#server.on("error", (error) => this.#deps.log.error("the kubelet server failed", { error }))
  }

  async stop(signal: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    // Streams have no natural end.
    for (const socket of this.#upgraded) socket.destroy()
    this.#server.closeIdleConnections()
    if (signal.aborted) this.#server.closeAllConnections()
    else signal.addEventListener("abort", () => this.#server.closeAllConnections(), { once: true })
    await closed
  }

  /** Lets the request in, or throws an HttpError. */
  async #admit(request: IncomingMessage, path: string): Promise<void> {
    const { authenticate, authorize } = this.#deps
    const asking = async <T>(ask: Promise<T>, what: string): Promise<T> => {
      try {
        return await ask
      } catch (error) {
        this.#deps.log.warn(`cannot ask the API server for ${what}`, { error: errorMessage(error) })
        throw new HttpError(500, `${what} error: ${errorMessage(error)}`)
      }
    }
    const user = await asking(authenticate(request), "Authentication")
    if (!user) throw new HttpError(401, "Unauthorized")
    const why = await asking(authorize({ user, method: request.method ?? "", path }), "Authorization")
    if (why) throw new HttpError(403, why)
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const abort = new AbortController()
    response.once("close", () => abort.abort())
    // The host is of no concern; the path alone is read.
    const url = new URL(request.url ?? "/", "https://kubelet")
    try {
      await this.#admit(request, url.pathname)
      const handled = await this.#deps.routes.handle(request, response, url, abort.signal)
      if (!handled) throw new HttpError(404, "404 page not found")
    } catch (error) {
      if (abort.signal.aborted) return
      this.#fail(url.pathname, error)
      if (response.headersSent) response.destroy()
      else {
        const { code, message } = httpErrorOf(error)
        response.writeHead(code, { "Content-Type": "text/plain; charset=utf-8" })
        response.end(`${message}\n`)
      }
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, kind: "upgrade" | "connect"): Promise<void> {
    this.#upgraded.add(socket)
    socket.once("close", () => this.#upgraded.delete(socket))
    // Until it is joined nobody else listens.
    socket.on("error", () => socket.destroy())
    const path = kind === "connect" ? "/connect" : new URL(request.url ?? "/", "https://kubelet").pathname
    try {
      await this.#admit(request, path)
      if (kind === "connect") await this.#deps.routes.connect(request, { socket, head })
      else {
        const url = new URL(request.url ?? "/", "https://kubelet")
        await this.#deps.routes.upgrade(request, { socket, head }, url)
      }
    } catch (error) {
      this.#fail(path, error)
      const { code, message } = httpErrorOf(error)
      const body = `${message}\n`
      socket.end(
        `HTTP/1.1 ${code} ${reasons[code] ?? "Error"}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      )
    }
  }

  #fail(path: string, error: unknown): void {
    const { log } = this.#deps
    if (error instanceof HttpError && error.code < 500)
      log.debug("a request was refused", { path, error: error.message })
    else log.warn("a request failed", { path, error: errorMessage(error) })
  }
}

function httpErrorOf(error: unknown): { code: number; message: string } {
  return error instanceof HttpError ? error : { code: 500, message: errorMessage(error) }
}
