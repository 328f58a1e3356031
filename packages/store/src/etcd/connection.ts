import { join } from "node:path"
import {
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js"
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader"
import { type Clock, errorMessage, type Logger, sleep } from "@ladya/util"
import { CompactedError, StoreUnavailableError } from "../store.ts"
import { isTransient } from "./errors.ts"
import type { EtcdEvent, EtcdMethods, WatchRequest, WatchResponse } from "./messages.ts"

export interface EtcdTls {
  /** PEM. The system's roots unless told. */
  ca?: Buffer | string
  /** PEM; together with `key`, or not at all. */
  cert?: Buffer | string
  key?: Buffer | string
}

export interface ConnectionDeps {
  /** `host:port` of every member. */
  endpoints: readonly string[]
  tls?: EtcdTls
  clock: Clock
  log: Logger
  /** How long all members may fail before a call gives up, in milliseconds. */
  unavailableAfterMs: number
}

const channelOptions: ChannelOptions = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.min_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2000,
  // etcd is never behind the proxy that the environment may name.
  "grpc.enable_http_proxy": 0,
}

/** A member that takes longer for one answer is given up on for this call. */
const attemptTimeoutMs = 5000
const retryDelayMs = 100

let loaded: ReturnType<typeof loadSync> | undefined

function methodOf(name: string): MethodDefinition<object, object> {
  loaded ??= loadSync(join(import.meta.dirname, "etcd.proto"), {
    longs: Number,
    enums: String,
    defaults: true,
    arrays: true,
    oneofs: true,
  })
  const [service, method] = name.split(".") as [string, string]
  return (loaded[`etcdserverpb.${service}`] as ServiceDefinition)[method] as MethodDefinition<object, object>
}

/** Calls to whichever member answers. Stays with one until it fails. */
export class EtcdConnection {
  readonly #deps: ConnectionDeps
  readonly #clients: readonly Client[]
  #current = 0
  readonly #closing = new AbortController()

  constructor(deps: ConnectionDeps) {
    if (deps.endpoints.length === 0) throw new Error("etcd: no endpoints")
    this.#deps = deps
    const { tls } = deps
    const pem = (text: Buffer | string | undefined) => (text === undefined ? null : Buffer.from(text))
    const channel = tls ? credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert)) : credentials.createInsecure()
    this.#clients = deps.endpoints.map((endpoint) => new Client(endpoint, channel, channelOptions))
  }

  /**
   * One call, repeated on the members in turn while they fail. `attempts` above 1: an earlier try may have been done too.
   * Throws StoreUnavailableError when no member answers in time, otherwise what etcd says.
   */
  async call<M extends keyof EtcdMethods>(
    name: M,
    request: EtcdMethods[M][0],
  ): Promise<{ answer: EtcdMethods[M][1]; attempts: number }> {
    const { clock, unavailableAfterMs, endpoints } = this.#deps
    const end = clock.monotonic() + unavailableAfterMs
    for (let attempts = 1; ; attempts++) {
      const member = this.#current
      try {
        return { answer: await this.#once(member, methodOf(name), request), attempts }
      } catch (error) {
        if (!isTransient(error)) throw error
        this.#leave(member, error)
        const isOver = clock.monotonic() >= end || this.#closing.signal.aborted
        if (isOver) throw new StoreUnavailableError(`etcd does not answer: ${errorMessage(error)}`, { cause: error })
        if (attempts % endpoints.length === 0) await this.pause()
      }
    }
  }

  /**
   * Tells all events of all keys after this revision, in order, whole revisions at a time. Ends only by throwing:
   * the signal's abort, CompactedError, or a stream that broke.
   */
  watch(afterRevision: number, signal: AbortSignal, onEvents: (events: EtcdEvent[]) => void): Promise<never> {
    const { requestSerialize, responseDeserialize, path } = methodOf("Watch.Watch")
    const member = this.#current
    const metadata = new Metadata()
    // A member that lost its leader ends the stream instead of keeping silent.
    metadata.set("hasleader", "true")
    const stream = (this.#clients[member] as Client).makeBidiStreamRequest(
      path,
      requestSerialize as (value: WatchRequest) => Buffer,
      responseDeserialize as (bytes: Buffer) => WatchResponse,
      metadata,
    )
    return new Promise<never>((_, reject) => {
      let isOver = false
      const fail = (error: unknown): void => {
        if (isOver) return
        isOver = true
        signal.removeEventListener("abort", onAbort)
        stream.cancel()
        if (!signal.aborted && !(error instanceof CompactedError)) this.#leave(member, error)
        reject(error)
      }
      const onAbort = (): void => fail(signal.reason)
      stream.on("data", (response: WatchResponse) => {
        if (isOver) return
        if (response.compactRevision > 0) return fail(new CompactedError(response.compactRevision))
        if (response.canceled) return fail(new Error(`etcd ended the watch: ${response.cancelReason}`))
        const events = response.events.filter((event) => event.kv.modRevision > afterRevision)
        if (events.length > 0) onEvents(events)
      })
      stream.on("error", fail)
      stream.on("end", () => fail(new Error("etcd closed the watch")))
      if (signal.aborted) return onAbort()
      signal.addEventListener("abort", onAbort, { once: true })
      stream.write({
        createRequest: {
          key: Buffer.from([0]),
          rangeEnd: Buffer.from([0]),
          // One earlier than needed: etcd then refuses exactly what is compacted, and never tells half a revision.
          startRevision: Math.max(1, afterRevision),
          prevKv: true,
        },
      })
    })
  }

  /** The time between two rounds of tries; over at once when the connection closes. */
  async pause(): Promise<void> {
    await sleep(this.#deps.clock, retryDelayMs, this.#closing.signal).catch(() => undefined)
  }

  close(): void {
    this.#closing.abort(new StoreUnavailableError("the store is closed"))
    for (const client of this.#clients) client.close()
  }

  #leave(member: number, error: unknown): void {
    if (this.#current !== member || this.#closing.signal.aborted) return
    const { endpoints, log } = this.#deps
    this.#current = (member + 1) % endpoints.length
    log.debug("etcd member failed", { endpoint: endpoints[member], reason: errorMessage(error) })
  }

  #once<Q extends object, A>(member: number, method: MethodDefinition<object, object>, request: Q): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: object): void => {
        timer.cancel()
        if (!error) resolve(answer as A)
        else reject(isTimedOut ? Object.assign(error, { code: status.DEADLINE_EXCEEDED, details: "no answer" }) : error)
      }
      let isTimedOut = false
      const { path, requestSerialize, responseDeserialize } = method
      const client = this.#clients[member] as Client
      const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, done)
      const timer = this.#deps.clock.setTimeout(
        () => {
          isTimedOut = true
          call.cancel()
        },
        Math.min(attemptTimeoutMs, this.#deps.unavailableAfterMs),
        { unref: true },
      )
    })
  }
}
