import type { ClientHttp2Stream } from "node:http2"
import { ConnectionError } from "./errors.ts"

/**
 * The chunks of an answer, until its end. Node's own iteration takes a stream for broken whose answer had come whole
 * before it was asked for. Throws what broke the stream, or a ConnectionError when it was closed before its end.
 */
export async function* chunksOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer, void, undefined> {
  let isEnded = stream.readableEnded
  let isClosed = stream.destroyed
  let failure: Error | undefined
  let wake = (): void => undefined
  const onReadable = (): void => wake()
  const onEnd = (): void => {
    isEnded = true
    wake()
  }
  const onClose = (): void => {
    isClosed = true
    wake()
  }
  const onError = (error: Error): void => {
    failure = error
    wake()
  }
  stream.on("readable", onReadable).on("end", onEnd).on("close", onClose).on("error", onError)
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : (stream.read() as Buffer | null)
      if (chunk !== null) yield chunk
      else if (isEnded) return
      else if (failure) throw failure
      else if (isClosed) throw new ConnectionError("the connection was closed before the answer was whole")
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    stream.off("readable", onReadable).off("end", onEnd).off("close", onClose).off("error", onError)
  }
}
