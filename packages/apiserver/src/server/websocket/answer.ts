import type { Duplex } from "node:stream"
import { mediaTypes } from "../../handlers/encoding/media-type.ts"
import type { ApiResponse, BodySink } from "../../request.ts"
import { acceptWebSocket, isWebSocketRequest, offeredProtocols, WebSocketConnection } from "./connection.ts"

/** A message holds at most so many bytes of a log. */
const maxLogMessageBytes = 2048

/** How a stream is cut into messages. */
interface Framing {
  isText: boolean
  /** The subprotocol told to the client. */
  protocol: string | undefined
  /** Sent before anything else. */
  first: readonly Buffer[]
  cut(chunk: Buffer): Buffer[]
}

interface WebSocketRequest {
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly info: { readonly subresource: string }
  readonly upgrade?: { socket: Duplex; head: Buffer }
}

/**
 * Sends a streamed answer (a watch, a log) over the WebSocket that the request wants to become; false when it does not want that,
 * or the answer is no stream. Then nothing was written.
 */
export function answerOverWebSocket(
  request: WebSocketRequest,
  answer: ApiResponse,
  headers: Readonly<Record<string, string | string[]>>,
): boolean {
  const { upgrade } = request
  if (!upgrade || answer.status !== 200 || !isWebSocketRequest(request.headers)) return false
  const framing = framingOf(request, answer)
  if (framing === undefined) return false
  const { socket, head } = upgrade
  if (framing === "refused") {
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return true
  }
  const { protocol } = framing
  if (!acceptWebSocket(socket, request, { protocol, headers: { "Audit-Id": String(headers["Audit-Id"] ?? "") } })) {
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return true
  }
  const connection = new WebSocketConnection(socket, head)
  connection.send(framing.first, framing)
  void pour(answer.body, framing, connection)
  return true
}

async function pour(body: ApiResponse["body"], framing: Framing, connection: WebSocketConnection): Promise<void> {
  if (typeof body === "function") {
    body(sinkOf(connection, framing))
    return
  }
  try {
    const chunks: Iterable<Buffer> | AsyncIterable<Buffer> = Buffer.isBuffer(body) ? [body] : body
    for await (const chunk of chunks) {
      connection.send(framing.cut(chunk), framing)
      await connection.writable()
      if (connection.isOver) return
    }
    connection.close()
  } catch {
    connection.abort()
  }
}

function sinkOf(connection: WebSocketConnection, framing: Framing): BodySink {
  return {
    write: (chunk) => connection.send(framing.cut(chunk), framing),
    end: () => connection.close(),
    abort: () => connection.abort(),
    get pendingBytes() {
      return connection.pendingBytes
    },
  }
}

function framingOf(request: WebSocketRequest, answer: ApiResponse): Framing | "refused" | undefined {
  const offered = offeredProtocols(request.headers)
  if (request.info.subresource === "log") return logFraming(offered)
  if (typeof answer.body !== "function") return undefined
  const isText = answer.headers["Content-Type"] === mediaTypes.json
  return { isText, protocol: offered[0], first: [], cut: isText ? lines : frames }
}

/** The bytes of the log in binary messages, or as base64 in texts. An empty one tells that the stream has begun. */
function logFraming(offered: readonly string[]): Framing | "refused" {
  const protocol = offered.find((name) => name === "binary.k8s.io" || name === "base64.binary.k8s.io")
  if (offered.length > 0 && !protocol) return "refused"
  const isText = protocol === "base64.binary.k8s.io"
  return {
    isText,
    protocol,
    first: [Buffer.alloc(0)],
    cut(chunk) {
      const messages: Buffer[] = []
      for (let at = 0; at < chunk.length; at += maxLogMessageBytes) {
        const part = chunk.subarray(at, at + maxLogMessageBytes)
        messages.push(isText ? Buffer.from(part.toString("base64")) : part)
      }
      return messages
    },
  }
}

/** A message for every event in JSON. Events come whole. */
function lines(chunk: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < chunk.length; ) {
    const end = chunk.indexOf(10, at) + 1 || chunk.length
    messages.push(chunk.subarray(at, end))
    at = end
  }
  return messages
}

/** A message for every event in protobuf: here its length needs no telling. Events come whole. */
function frames(chunk: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at + 4 <= chunk.length; ) {
    const end = at + 4 + chunk.readUInt32BE(at)
    messages.push(chunk.subarray(at + 4, end))
    at = end
  }
  return messages
}
