import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { TLSSocket } from "node:tls"
import { type BodySink, type Handler, hijacked } from "../request.ts"
import { commonHeaders, wholeBody } from "./answer.ts"
import { HttpRequest } from "./http-request.ts"
import { PacedWriter, writeBody } from "./paced-writer.ts"

/** Answers one HTTP/2 request. */
export async function serveHttp2(
  handler: Handler,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const method = headers[":method"] ?? "GET"
  const request = new HttpRequest({
    method,
    target: headers[":path"] ?? "/",
    headers: headers as Record<string, string | undefined>,
    stream,
    socket: stream.session?.socket as TLSSocket,
  })
  stream.on("close", () => request.close())
  stream.on("error", () => request.close())
  const answer = await handler(request)
  if (answer === hijacked || stream.destroyed || stream.closed) return
  const fields = commonHeaders(request, answer)
  const whole = await wholeBody(request, answer, fields)
  if (stream.destroyed || stream.closed) return
  const head = { ":status": answer.status, ...fields }
  if (whole) {
    stream.respond({ ...head, "content-length": whole.length }, { endStream: method === "HEAD" || whole.length === 0 })
    if (method !== "HEAD" && whole.length > 0) writeBody(stream, whole.chunks, whole.length)
    // What was not read of the body is not wanted any more.
    if (!stream.readableEnded) stream.resume()
    return
  }
  stream.respond(head)
  const { body } = answer
  if (typeof body === "function") {
    stream.resume()
    body(sinkOf(stream))
    return
  }
  const source = body instanceof Readable ? body : Readable.from(body as AsyncIterable<Buffer>)
  await pipeline(source, stream).catch(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
}

function sinkOf(stream: ServerHttp2Stream): BodySink {
  const writer = new PacedWriter(stream)
  return {
    write: (chunk) => {
      if (!stream.destroyed && !stream.writableEnded) writer.write(chunk)
    },
    end: () =>
      writer.whenEmpty(() => {
        if (!stream.destroyed && !stream.writableEnded) stream.end()
      }),
    abort: () => stream.close(constants.NGHTTP2_CANCEL),
    get pendingBytes() {
      return writer.pendingBytes
    },
  }
}
