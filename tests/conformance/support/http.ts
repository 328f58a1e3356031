import type { HttpsTransport } from "@ladya/client"

export interface HttpRequest {
  /** An object is sent as JSON, a string and bytes as they are. */
  body?: unknown
  headers?: Record<string, string>
}

export interface HttpAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  bytes: Buffer
  /** Parsed; throws when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  json: any
}

/** One request; with a body and no content type given, it is `application/json`. */
export async function httpCall(
  transport: HttpsTransport,
  method: string,
  path: string,
  request: HttpRequest,
  signal?: AbortSignal,
): Promise<HttpAnswer> {
  const { body, headers = {} } = request
  const bytes =
    body === undefined
      ? undefined
      : Buffer.isBuffer(body)
        ? body
        : Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
  const answer = await transport.raw(
    {
      method,
      path,
      headers: { ...(bytes ? { "content-type": "application/json" } : {}), ...headers },
      ...(bytes ? { body: bytes } : {}),
    },
    signal,
  )
  const text = answer.body.toString("utf8")
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    bytes: answer.body,
    get json() {
      return JSON.parse(text) as unknown
    },
  }
}
