import type { IncomingMessage } from "node:http"

/** Documents of other servers are not larger than this, in bytes. */
const largestDocument = 64 * 1024 * 1024

/** An answer has no end, or as good as none. */
export class AnswerTooLargeError extends Error {
  override name = "AnswerTooLargeError"
}

/** The whole body. Throws AnswerTooLargeError when it is larger than `maxBytes`; 64 MiB unless told. */
export async function readWhole(answer: IncomingMessage, maxBytes = largestDocument): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) {
      answer.destroy()
      throw new AnswerTooLargeError(`the answer is larger than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The whole body of a success; throws for all else. */
export async function readAnswer(answer: IncomingMessage): Promise<Buffer> {
  const body = await readWhole(answer)
  const code = answer.statusCode ?? 0
  if (code < 200 || code >= 300) throw new Error(`the server answered ${code}`)
  return body
}

export async function readJson(answer: IncomingMessage): Promise<unknown> {
  return JSON.parse((await readAnswer(answer)).toString("utf8"))
}
