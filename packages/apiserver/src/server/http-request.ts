import { randomUUID } from "node:crypto"
import type { Readable } from "node:stream"
import type { TLSSocket } from "node:tls"
import { newStatusError } from "@ladya/apimachinery"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { ApiRequest, RequestInfo } from "../request.ts"
import { parseRequestInfo } from "../request-info.ts"

/** No body is larger than this, in bytes. */
export const maxBodyBytes = 3 * 1024 * 1024

const chains = new WeakMap<object, readonly Buffer[]>()
const none: readonly Buffer[] = []
/** Made once: without a reason of its own every abort would make a DOMException. */
const over = new Error("the request is over")

/** The client's certificate chain, when the client CA verified it; read once a connection. */
export function clientCertificates(socket: TLSSocket): readonly Buffer[] {
  const known = chains.get(socket)
  if (known) return known
  const chain: Buffer[] = []
  if (socket.authorized) {
    let certificate = socket.getPeerCertificate(true)
    const seen = new Set<string>()
    while (certificate?.raw && !seen.has(certificate.fingerprint256)) {
      seen.add(certificate.fingerprint256)
      chain.push(certificate.raw)
      certificate = certificate.issuerCertificate
    }
  }
  const found = chain.length > 0 ? chain : none
  chains.set(socket, found)
  return found
}

export interface HttpRequestParts {
  method: string
  /** Path and query as sent. */
  target: string
  headers: Readonly<Record<string, string | undefined>>
  stream: Readable
  socket: TLSSocket
}

/** A request that came over HTTP. What costs something is made when it is asked for. */
export class HttpRequest implements ApiRequest {
  readonly id: string = randomUUID()
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  headers: Readonly<Record<string, string | undefined>>
  readonly info: RequestInfo
  readonly warnings: string[] = []
  user: UserInfo | undefined = undefined
  upgrade?: NonNullable<ApiRequest["upgrade"]>
  readonly #stream: Readable
  readonly #socket: TLSSocket
  #controller: AbortController | undefined
  #isClosed = false
  #body: Promise<Buffer> | undefined

  constructor(parts: HttpRequestParts) {
    const { target } = parts
    const mark = target.indexOf("?")
    this.method = parts.method
    this.path = mark < 0 ? target : target.slice(0, mark)
    this.query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1))
    this.headers = parts.headers
    this.info = parseRequestInfo(parts.method, this.path, this.query)
    this.#stream = parts.stream
    this.#socket = parts.socket
  }

  get clientCertificates(): readonly Buffer[] {
    return clientCertificates(this.#socket)
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? ""
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#isClosed) this.#controller.abort(over)
    }
    return this.#controller.signal
  }

  /** The exchange is over, or the client is gone. */
  close(): void {
    this.#isClosed = true
    this.#controller?.abort(over)
  }

  body(): Promise<Buffer> {
    this.#body ??= readBody(this.#stream, this.headers["content-length"])
    return this.#body
  }
}

const tooLarge = () => newStatusError("RequestEntityTooLarge", `Request entity too large: limit is ${maxBodyBytes}`)

function readBody(stream: Readable, contentLength: string | undefined): Promise<Buffer> {
  if (contentLength !== undefined && Number(contentLength) > maxBodyBytes) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBodyBytes) {
        stream.pause()
        reject(tooLarge())
        return
      }
      chunks.push(chunk)
    })
    stream.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
    stream.on("error", () => reject(newStatusError("BadRequest", "the body of the request ended early")))
    stream.on("aborted", () => reject(newStatusError("BadRequest", "the body of the request ended early")))
  })
}
