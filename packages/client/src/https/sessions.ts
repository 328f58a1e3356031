import { type ClientHttp2Session, connect, constants, type SecureClientSessionOptions } from "node:http2"
import type { Clock, Logger, Timer } from "@ladya/util"
import { ConnectionError } from "./errors.ts"

export interface SessionOptions {
  server: URL
  tls: SecureClientSessionOptions
  clock: Clock
  log: Logger
  connectTimeoutMs: number
  /** A ping is sent when the connection was silent for so long … */
  pingIntervalMs: number
  /** … and the connection is given up when no answer comes within this. */
  pingTimeoutMs: number
}

interface Held {
  session: ClientHttp2Session
  streams: number
  /** How many streams the server allows at once. */
  limit: number
  ready: Promise<void>
  usable: boolean
}

const unlimited = 2 ** 31
const windowBytes = 16 * 1024 * 1024

/**
 * HTTP/2 connections to one server: one, and more only when the server's limit of streams is reached (a watch holds
 * a stream for its whole life). A connection that died is noticed by ping and replaced on the next use.
 */
export class Sessions {
  readonly #options: SessionOptions
  #held: Held[] = []
  #closed = false

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** A connected session with room for a stream; call `release` when that stream has closed. */
  async acquire(): Promise<{ session: ClientHttp2Session; release: () => void }> {
    for (;;) {
      if (this.#closed) throw new ConnectionError("the client is closed")
      const held = this.#held.find((one) => one.usable && one.streams < one.limit) ?? this.#open()
      // The server's limit is known only when it is connected: others may have taken the room meanwhile.
      await held.ready
      if (held.usable && held.streams < held.limit) return this.#take(held)
    }
  }

  #take(held: Held): { session: ClientHttp2Session; release: () => void } {
    held.streams++
    let released = false
    const release = (): void => {
      if (released) return
      released = true
      held.streams--
      if (!held.usable && held.streams === 0) held.session.close()
    }
    return { session: held.session, release }
  }

  /** Ends all connections and what runs on them. */
  close(): void {
    this.#closed = true
    for (const held of this.#held) held.session.destroy()
    this.#held = []
  }

  #open(): Held {
    const { server, tls, clock, log, connectTimeoutMs } = this.#options
    const session = connect(server.origin, { ...tls, settings: { initialWindowSize: windowBytes, enablePush: false } })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const held: Held = { session, streams: 0, limit: unlimited, ready: promise, usable: true }
    promise.catch(() => undefined)
    this.#held.push(held)
    const timer = clock.setTimeout(
      () => session.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
      { unref: true },
    )
    let lastError: Error | undefined
    session.on("error", (error) => {
      lastError = error
    })
    const retire = (): void => {
      held.usable = false
      this.#held = this.#held.filter((one) => one !== held)
    }
    // Node itself listens for the end once for each stream: many streams are no leak.
    session.setMaxListeners(0)
    session.once("connect", () => session.setLocalWindowSize(windowBytes))
    session.on("remoteSettings", (settings) => {
      held.limit = settings.maxConcurrentStreams ?? unlimited
    })
    session.once("remoteSettings", () => {
      timer.cancel()
      this.#keepAlive(session)
      resolve()
    })
    session.once("goaway", (code) => {
      log.debug("the API server closes the connection", { code })
      retire()
      if (held.streams === 0) session.close()
    })
    session.once("close", () => {
      timer.cancel()
      retire()
      const why = lastError ? describe(lastError) : "the connection was closed"
      reject(new ConnectionError(`cannot reach ${server.origin}: ${why}`, { cause: lastError }))
    })
    return held
  }

  /** Pings while the session lives, so that a dead peer ends its watches instead of leaving them silent for ever. */
  #keepAlive(session: ClientHttp2Session): void {
    const { clock, log, pingIntervalMs, pingTimeoutMs } = this.#options
    let timer: Timer
    let deadline: Timer | undefined
    const schedule = (): void => {
      timer = clock.setTimeout(ping, pingIntervalMs, { unref: true })
    }
    const ping = (): void => {
      if (session.destroyed || session.closed) return
      deadline = clock.setTimeout(
        () => {
          log.warn("the API server does not answer: the connection is given up", { timeoutMs: pingTimeoutMs })
          session.destroy(new Error(`no answer to a ping within ${pingTimeoutMs} ms`), constants.NGHTTP2_CANCEL)
        },
        pingTimeoutMs,
        { unref: true },
      )
      session.ping(() => {
        deadline?.cancel()
        schedule()
      })
    }
    session.once("close", () => {
      timer.cancel()
      deadline?.cancel()
    })
    schedule()
  }
}

function describe(error: Error): string {
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error
  return inner.message || (inner as NodeJS.ErrnoException).code || inner.name
}
