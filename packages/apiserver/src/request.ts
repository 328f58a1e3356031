import type { Duplex, Readable } from "node:stream"
import type { UserInfo } from "./authentication/authenticator.ts"

/** What a URL means, before anything is looked up. Verbs are the API's own words, as RBAC knows them. */
export interface RequestInfo {
  /** False for `/healthz`, `/openapi/…`, `/apis` …: then only `path` and `verb` (the lower-case method) mean something. */
  isResource: boolean
  path: string
  /** get, list, watch, create, update, patch, delete, deletecollection; `connect` is never used: upstream maps it to create/get by method. */
  verb: string
  /** Empty for the core group. */
  group: string
  version: string
  resource: string
  subresource: string
  /** The rest of the path behind the subresource (`proxy/…`), without a leading slash. */
  rest: string
  namespace: string
  name: string
}

/** A request without sockets: handlers can be tested without a server. */
export interface ApiRequest {
  /** Unique, sent back as `Audit-Id`. */
  id: string
  method: string
  /** Path as sent, without the query. */
  path: string
  query: URLSearchParams
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>
  /** The whole body; throws a 413 Status when it is larger than the limit. */
  body(): Promise<Buffer>
  /** DER of the client's verified certificate chain, leaf first; empty when none was offered or it was not verified by the client CA. */
  clientCertificates: readonly Buffer[]
  remoteAddress: string
  info: RequestInfo
  /** Set by the authentication filter. */
  user: UserInfo | undefined
  /** Aborts when the client goes away or the request times out. */
  signal: AbortSignal
  /** The raw connection of an `Upgrade` request; undefined for all others. */
  upgrade?: { socket: Duplex; head: Buffer }
  /** Texts that become Warning headers of the answer. */
  warnings: string[]
  /** What admission noted about the request; read by the audit filter once it was answered. */
  auditAnnotations?: Record<string, string>
}

/** What a chunk looks like on the wire, once for all who get it. */
export interface SharedChunk {
  /** With the frame of HTTP/1.1's chunked encoding. */
  http1?: Buffer
}

/** The open end of an answer that is pushed. */
export interface BodySink {
  /**
   * Never blocks: what the client has not taken yet counts in `pendingBytes`. Sinks that get the same chunk may
   * be given the same `shared`, where the first leaves what its protocol makes of it.
   */
  write(chunk: Buffer, shared?: SharedChunk): void
  end(): void
  /** Cuts the connection: the client learns that the answer is not whole. */
  abort(): void
  readonly pendingBytes: number
}

/** A body that is pushed as things happen (a watch). Called once the headers are on their way; the request's signal tells when to stop. */
export type PushBody = (sink: BodySink) => void

/** The answer. A body of several buffers is sent as one; a stream is sent as it comes. */
export interface ApiResponse {
  status: number
  headers: Record<string, string>
  body: Buffer | readonly Buffer[] | AsyncIterable<Buffer> | Readable | PushBody
}

/** The handler took the raw connection over and answers on it itself. */
export const hijacked = Symbol("hijacked")

export type Handler = (request: ApiRequest) => Promise<ApiResponse | typeof hijacked>

/** Wraps a handler. The order of filters stands in filters/index.ts alone. */
export type Filter = (next: Handler) => Handler
