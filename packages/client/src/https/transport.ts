import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2"
import { constants } from "node:http2"
import { deepFreeze, type KubeObject, type metav1, StatusError } from "@ladya/apimachinery"
import { type Clock, type Logger, sleep } from "@ladya/util"
import type { ApiCall, Transport, WatchCall, WatchEvent } from "../transport.ts"
import { chunksOf } from "./chunks.ts"
import { ConnectionError, errorOfAnswer, errorOfEvent } from "./errors.ts"
import { JsonLines } from "./json-lines.ts"
import type { ClusterAccess } from "./kubeconfig.ts"
import { Sessions } from "./sessions.ts"
import { type WireRequest, watchPath, wireRequest } from "./urls.ts"

export interface HttpsTransportOptions extends ClusterAccess {
  userAgent: string
  clock: Clock
  log: Logger
  /** A call without an answer for so long fails; 60 s unless told. Watches are not limited by it. */
  callTimeoutMs?: number
  /** 10 s unless told. */
  connectTimeoutMs?: number
  /** 15 s unless told. */
  pingIntervalMs?: number
  /** 10 s unless told. */
  pingTimeoutMs?: number
}

export interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** The transport over HTTP/2 and TLS. */
export interface HttpsTransport extends Transport {
  /** Any request; an HTTP status of 400 or more is not thrown. For `/version`, `/healthz` and the like. */
  raw(
    request: { method: string; path: string; headers?: Record<string, string>; body?: Buffer },
    signal?: AbortSignal,
  ): Promise<RawAnswer>
  /** Ends the connections; running calls fail, watches end. */
  close(): void
}

const maxRetries = 10

/**
 * A transport to this server. All calls and watches share one HTTP/2 connection, which is opened on first use, pinged
 * while it lives, and opened anew when it broke. A call that the server asks to repeat (429 or 5xx with `Retry-After`)
 * or that it certainly did not process is repeated.
 */
export function newHttpsTransport(options: HttpsTransportOptions): HttpsTransport {
  return new Http2Transport(options)
}

class Http2Transport implements HttpsTransport {
  readonly #options: HttpsTransportOptions
  readonly #sessions: Sessions
  readonly #basePath: string
  readonly #callTimeoutMs: number

  constructor(options: HttpsTransportOptions) {
    this.#options = options
    const server = new URL(options.server)
    this.#basePath = server.pathname.replace(/\/+$/, "")
    this.#callTimeoutMs = options.callTimeoutMs ?? 60_000
    this.#sessions = new Sessions({
      server,
      tls: {
        ...(options.ca ? { ca: options.ca } : {}),
        ...(options.cert && options.key ? { cert: options.cert, key: options.key } : {}),
        ...(options.tlsServerName ? { servername: options.tlsServerName } : {}),
        rejectUnauthorized: !options.insecureSkipTlsVerify,
      },
      clock: options.clock,
      log: options.log,
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      pingIntervalMs: options.pingIntervalMs ?? 15_000,
      pingTimeoutMs: options.pingTimeoutMs ?? 10_000,
    })
  }

  close(): void {
    this.#sessions.close()
  }

  async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    const request = wireRequest(call)
    const { body, headers } = encode(request)
    const answer = await this.#send({ method: request.method, path: request.path, headers, body }, signal)
    if (answer.status >= 400) throw errorOfAnswer(answer.status, answer.body)
    try {
      return deepFreeze(JSON.parse(answer.body.toString("utf8")) as KubeObject)
    } catch (error) {
      throw new ConnectionError(`${request.method} ${request.path}: the answer is not JSON`, { cause: error })
    }
  }

  async resources(group: string, version: string, signal?: AbortSignal): Promise<readonly metav1.APIResource[]> {
    const path = group ? `/apis/${group}/${version}` : `/api/${version}`
    const answer = await this.raw({ method: "GET", path, headers: { accept: "application/json" } }, signal)
    if (answer.status >= 400) throw errorOfAnswer(answer.status, answer.body)
    return (JSON.parse(answer.body.toString("utf8")) as metav1.APIResourceList).resources
  }

  raw(
    request: { method: string; path: string; headers?: Record<string, string>; body?: Buffer },
    signal?: AbortSignal,
  ): Promise<RawAnswer> {
    return this.#send({ headers: {}, body: undefined, ...request }, signal)
  }

  async *watch(call: WatchCall, signal: AbortSignal): AsyncIterable<WatchEvent> {
    if (signal.aborted) return
    const { stream, release } = await this.#open({
      method: "GET",
      path: watchPath(call, 1800 + (this.#options.clock.now() % 1800)),
      headers: { accept: "application/json" },
    })
    const onAbort = (): void => stream.close(constants.NGHTTP2_CANCEL)
    signal.addEventListener("abort", onAbort, { once: true })
    let failure: Error | undefined
    stream.on("error", (error) => {
      failure = error
    })
    try {
      const headers = await this.#headers(stream, signal, this.#callTimeoutMs)
      if (signal.aborted) return
      const status = Number(headers[":status"])
      if (status >= 400) throw errorOfAnswer(status, await readAll(stream))
      const lines = new JsonLines()
      for await (const chunk of chunksOf(stream)) {
        for (const value of lines.push(chunk)) {
          const event = value as { type: string; object: KubeObject }
          if (event.type === "ERROR") throw errorOfEvent(event.object)
          yield deepFreeze(event) as WatchEvent
          if (signal.aborted) return
        }
      }
      if (failure && !signal.aborted) throw failure
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof StatusError || error instanceof ConnectionError) throw error
      throw new ConnectionError(`the watch of ${call.target.resource} broke: ${(error as Error).message}`, {
        cause: error,
      })
    } finally {
      signal.removeEventListener("abort", onAbort)
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL)
      release()
    }
  }

  /** Sends, and sends again where that is right. */
  async #send(request: Outgoing, signal?: AbortSignal): Promise<RawAnswer> {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted()
      try {
        const answer = await this.#once(request, signal)
        const waitMs = retryAfterMs(answer)
        if (waitMs === undefined || attempt >= maxRetries) return answer
        await sleep(this.#options.clock, waitMs, signal)
      } catch (error) {
        // A connection that was closing when the request went out: once more, on a new one.
        if (!(error instanceof ConnectionError && error.repeatable && attempt === 0)) throw error
      }
    }
  }

  async #once(request: Outgoing, signal?: AbortSignal): Promise<RawAnswer> {
    const { stream, release } = await this.#open(request)
    const onAbort = (): void => stream.close(constants.NGHTTP2_CANCEL)
    signal?.addEventListener("abort", onAbort, { once: true })
    const timer = this.#options.clock.setTimeout(
      () => stream.destroy(new Error(`no answer within ${this.#callTimeoutMs} ms`)),
      this.#callTimeoutMs,
      { unref: true },
    )
    try {
      const headers = await this.#headers(stream, signal)
      const body = await readAll(stream)
      signal?.throwIfAborted()
      return { status: Number(headers[":status"]), headers, body }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof ConnectionError) throw error
      const message = `${request.method} ${request.path.split("?")[0]}: ${(error as Error).message}`
      throw new ConnectionError(message, { cause: error, repeatable: isRefused(stream) })
    } finally {
      timer.cancel()
      signal?.removeEventListener("abort", onAbort)
      release()
    }
  }

  async #open(request: Outgoing): Promise<{ stream: ClientHttp2Stream; release: () => void }> {
    const token = typeof this.#options.token === "function" ? await this.#options.token() : this.#options.token
    const { session, release } = await this.#sessions.acquire()
    try {
      const stream = session.request(
        {
          ":method": request.method,
          ":path": this.#basePath + request.path,
          "user-agent": this.#options.userAgent,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...request.headers,
        },
        { endStream: request.body === undefined },
      )
      if (request.body !== undefined) stream.end(request.body)
      return { stream, release }
    } catch (error) {
      release()
      throw new ConnectionError(`the connection was closed: ${(error as Error).message}`, {
        cause: error,
        repeatable: true,
      })
    }
  }

  #headers(stream: ClientHttp2Stream, signal?: AbortSignal, timeoutMs?: number): Promise<IncomingHttpHeaders> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : this.#options.clock.setTimeout(
              () => stream.destroy(new Error(`no answer within ${timeoutMs} ms`)),
              timeoutMs,
              { unref: true },
            )
      stream.once("response", (headers) => {
        timer?.cancel()
        resolve(headers)
      })
      stream.once("error", reject)
      stream.once("close", () => {
        timer?.cancel()
        if (signal?.aborted) resolve({})
        else reject(new ConnectionError("the connection was closed", { repeatable: isRefused(stream) }))
      })
    })
  }
}

interface Outgoing {
  method: string
  path: string
  headers: Record<string, string>
  body?: Buffer | undefined
}

function encode(request: WireRequest): { headers: Record<string, string>; body: Buffer | undefined } {
  const headers: Record<string, string> = { accept: "application/json" }
  if (request.body === undefined) return { headers, body: undefined }
  headers["content-type"] = request.contentType ?? "application/json"
  return { headers, body: Buffer.from(JSON.stringify(request.body)) }
}

function isRefused(stream: ClientHttp2Stream): boolean {
  return stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
}

async function readAll(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of chunksOf(stream)) chunks.push(chunk)
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

function retryAfterMs(answer: RawAnswer): number | undefined {
  if (answer.status !== 429 && answer.status < 500) return undefined
  const seconds = Number(answer.headers["retry-after"])
  return answer.headers["retry-after"] !== undefined && Number.isFinite(seconds) ? seconds * 1000 : undefined
}
