import { Client, credentials, type CallOptions as GrpcCallOptions, Metadata, type ServiceError } from "@grpc/grpc-js"
import { type Clock, systemClock } from "@ladya/util"
import { loadDefinitions, type Method } from "./definitions.ts"
import { CriError, grpcCodes } from "./error.ts"

/** An open connection to the runtime, with calls by method name. It reconnects by itself. */
export interface Channel {
  unary(method: string, request: object, options: { signal?: AbortSignal; timeoutMs: number }): Promise<unknown>
  stream(
    method: string,
    request: object,
    options: { signal: AbortSignal; onConnected?: () => void },
  ): AsyncIterable<unknown>
  /** Decodes a message that travelled inside another. */
  decode(message: string, bytes: Buffer): unknown
  close(): void
}

const isService = (error: unknown): error is ServiceError =>
  error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error

function toCriError(error: unknown, method: string): CriError {
  if (!isService(error)) return new CriError("UNKNOWN", error instanceof Error ? error.message : String(error), method)
  return new CriError(grpcCodes[error.code] ?? "UNKNOWN", error.details || error.message, method)
}

export interface ChannelOptions {
  /** Path of the runtime's Unix socket. */
  socket: string
  clock?: Clock
}

/** A channel over a Unix socket; nothing is sent before the first call. */
export function newChannel({ socket, clock = systemClock }: ChannelOptions): Channel {
  const { methods, decoder } = loadDefinitions()
  const client = new Client(`unix://${socket}`, credentials.createInsecure(), {
    // containerd refuses the socket's path as an authority.
    "grpc.default_authority": "localhost",
    "grpc.max_receive_message_length": 64 << 20,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2000,
  })
  const find = (name: string): Method => {
    const method = methods.get(name)
    if (!method) throw new Error(`the runtime interface has no method ${name}`)
    return method
  }

  function unary(
    name: string,
    request: object,
    options: { signal?: AbortSignal; timeoutMs: number },
  ): Promise<unknown> {
    const method = find(name)
    const { signal, timeoutMs } = options
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const callOptions: GrpcCallOptions = timeoutMs > 0 ? { deadline: clock.now() + timeoutMs } : {}
      const onAbort = (): void => call.cancel()
      const call = client.makeUnaryRequest(
        method.path,
        method.serialize,
        method.deserialize,
        request,
        new Metadata(),
        callOptions,
        (error, response) => {
          signal?.removeEventListener("abort", onAbort)
          if (signal?.aborted) reject(signal.reason)
          else if (error) reject(toCriError(error, name))
          else resolve(response)
        },
      )
      signal?.addEventListener("abort", onAbort, { once: true })
    })
  }

  async function* stream(
    name: string,
    request: object,
    { signal, onConnected }: { signal: AbortSignal; onConnected?: () => void },
  ): AsyncIterable<unknown> {
    if (signal.aborted) return
    const method = find(name)
    const call = client.makeServerStreamRequest(
      method.path,
      method.serialize,
      method.deserialize,
      request,
      new Metadata(),
      {},
    )
    const cancel = (): void => call.cancel()
    signal.addEventListener("abort", cancel, { once: true })
    let ended = false
    // Go's servers send no headers before the first message: that the connection stands is all there is to know.
    if (onConnected) {
      client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
        if (!error && !ended) onConnected()
      })
    }
    try {
      for await (const message of call) yield message
    } catch (error) {
      if (signal.aborted) return
      throw toCriError(error, name)
    } finally {
      ended = true
      signal.removeEventListener("abort", cancel)
      call.cancel()
    }
  }

  return {
    unary,
    stream,
    decode(message, bytes) {
      const decode = decoder(message)
      if (!decode) throw new Error(`the runtime interface has no message ${message}`)
      return decode(bytes)
    },
    close: () => client.close(),
  }
}
