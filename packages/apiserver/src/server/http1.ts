import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { TLSSocket } from "node:tls"
import { http } from "@ladya/util"
import { type ApiResponse, type BodySink, type Handler, hijacked } from "../request.ts"
import { commonHeaders, wholeBody } from "./answer.ts"
import { HttpRequest } from "./http-request.ts"
import { PacedWriter, writeBody } from "./paced-writer.ts"
import { answerOverWebSocket } from "./websocket/answer.ts"

const largeBodyBytes = 64 * 1024

/** Answers one HTTP/1.1 request. */
export async function serveHttp1(handler: Handler, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = requestOf(message)
  response.on("close", () => request.close())
  const answer = await handler(request)
  if (answer === hijacked || response.destroyed) return
  const headers = commonHeaders(request, answer)
  const whole = await wholeBody(request, answer, headers)
  // An unread rest of the body would be taken for the next request.
  if (!message.complete) response.shouldKeepAlive = false
  if (whole) {
    headers["Content-Length"] = String(whole.length)
    response.writeHead(answer.status, headers)
    if (message.method === "HEAD") {
      response.end()
      return
    }
    // Headers and body in one write are copied together before they are encrypted: not for large bodies.
    if (whole.length > largeBodyBytes) response.flushHeaders()
    writeBody(response, whole.chunks, whole.length)
    return
  }
  response.writeHead(answer.status, headers)
  await sendStream(answer, response)
}

async function sendStream(answer: ApiResponse, response: ServerResponse): Promise<void> {
  const { body } = answer
  if (typeof body === "function") {
    response.flushHeaders()
    body(sinkOf(response))
    return
  }
  const source = body instanceof Readable ? body : Readable.from(body as AsyncIterable<Buffer>)
  response.flushHeaders()
  await pipeline(source, response).catch(() => response.destroy())
}

function sinkOf(response: ServerResponse): BodySink {
  const { socket } = response
  // The frame is made once for all, and goes past the response in one piece: what the response wrote before is in the
  // socket's queue already, so the order holds.
  if (!socket || !response.chunkedEncoding) return plainSinkOf(response)
  const writer = new PacedWriter(socket)
  return {
    write(chunk, shared) {
      if (response.writableEnded || socket.destroyed) return
      if (shared) {
        shared.http1 ??= framed(chunk)
        writer.write(shared.http1)
      } else writer.write(framed(chunk))
    },
    end: () => writer.whenEmpty(() => void response.end()),
    abort: () => void response.destroy(),
    get pendingBytes() {
      return writer.pendingBytes
    },
  }
}

/** For clients of HTTP/1.0, and answers that wait for the one before them. */
function plainSinkOf(response: ServerResponse): BodySink {
  return {
    write: (chunk) => void response.write(chunk),
    end: () => void response.end(),
    abort: () => void response.destroy(),
    get pendingBytes() {
      return response.writableLength
    },
  }
}

const lineEnd = Buffer.from("\r\n")

/** A chunk of chunked encoding (RFC 9112, section 7.1). */
function framed(chunk: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, lineEnd])
}

function requestOf(message: IncomingMessage): HttpRequest {
  return new HttpRequest({
    method: message.method ?? "GET",
    target: message.url ?? "/",
    headers: message.headers as Record<string, string | undefined>,
    stream: message,
    socket: message.socket as TLSSocket,
  })
}

/** Answers an `Upgrade` request: the handler takes the connection, or its answer is written on it. */
export async function serveUpgrade(
  handler: Handler,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const request = requestOf(message)
  request.upgrade = { socket, head }
  socket.on("close", () => request.close())
  socket.on("error", () => request.close())
  const answer = await handler(request)
  if (answer === hijacked || socket.destroyed) return
  const headers = commonHeaders(request, answer)
  if (answerOverWebSocket(request, answer, headers)) return
  const whole = (await wholeBody(request, answer, headers)) ?? { chunks: [], length: 0 }
  const lines = [`HTTP/1.1 ${answer.status} ${http.STATUS_CODES[answer.status] ?? ""}`]
  headers["Content-Length"] = String(whole.length)
  headers["Connection"] = "close"
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`)
  }
  socket.write(`${lines.join("\r\n")}\r\n\r\n`)
  socket.end(Buffer.concat(whole.chunks))
}
