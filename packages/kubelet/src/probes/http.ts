import type { IncomingMessage } from "node:http"
import { request as httpsRequest } from "node:https"
import type { corev1 } from "@ladya/api"
import { type Clock, http, timeoutSignal } from "@ladya/util"

export interface HttpAnswer {
  status: number
  /** The beginning of the body. */
  body: string
  location: string | undefined
}

/** No connection, no answer, or not in time; the text is worded as users know it from events. */
export class HttpError extends Error {
  override name = "HttpError"
}

export interface HttpCall {
  url: URL
  headers: readonly corev1.HTTPHeader[]
  userAgent: string
  timeoutMs: number
  signal: AbortSignal
}

const bodyLimit = 10 * 1024

/** What the system calls a failed connection. */
const systemTexts: Record<string, string> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "connect: connection timed out",
  EHOSTDOWN: "connect: host is down",
}

/** `dial tcp 10.244.0.5:80: connect: connection refused`; undefined when the connection stood. */
export function dialErrorText(error: unknown, host: string, port: number | string): string | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  const where = host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `dial tcp: lookup ${host}: no such host`
  const text = systemTexts[code]
  return text ? `dial tcp ${where}: ${text}` : undefined
}

function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80")
}

function errorText(error: unknown, url: URL): string {
  const dial = dialErrorText(error, url.hostname, portOf(url))
  if (dial) return dial
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (code === "ECONNRESET") return "EOF"
  if (code.startsWith("HPE_")) return "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
  return error instanceof Error ? error.message : String(error)
}

function headerRecord({ headers, userAgent }: HttpCall): Record<string, string | string[]> {
  const result: Record<string, string | string[]> = { "User-Agent": userAgent, Accept: "*/*", Connection: "close" }
  const own = new Map<string, { name: string; values: string[] }>()
  for (const { name, value } of headers) {
    const entry = own.get(name.toLowerCase()) ?? { name, values: [] }
    entry.values.push(value)
    own.set(name.toLowerCase(), entry)
  }
  for (const { name, values } of own.values()) {
    for (const preset of Object.keys(result)) if (preset.toLowerCase() === name.toLowerCase()) delete result[preset]
    // An empty Accept or User-Agent means: send none.
    const kept = values.filter((value) => value !== "" || !/^(accept|user-agent)$/i.test(name))
    if (kept.length > 0) result[name] = kept.length === 1 ? (kept[0] as string) : kept
  }
  return result
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bodyLimit) break
  }
  return Buffer.concat(chunks).subarray(0, bodyLimit).toString("utf8")
}

/** One GET without following redirects. Certificates are not checked: whoever probes knows whom it asks. */
export async function httpGet(call: HttpCall, clock: Clock): Promise<HttpAnswer> {
  const { url } = call
  const timeout = timeoutSignal(clock, call.timeoutMs, call.signal)
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { agent: false, headers: headerRecord(call), signal: timeout.signal } as const
      const request =
        url.protocol === "https:"
          ? httpsRequest(url, { ...options, rejectUnauthorized: false })
          : http.request(url, options)
      request.on("response", resolve).on("error", reject).end()
    })
    const body = await readBody(response)
    response.destroy()
    return { status: response.statusCode ?? 0, body, location: response.headers.location }
  } catch (error) {
    call.signal.throwIfAborted()
    const why = timeout.signal.aborted
      ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
      : errorText(error, url)
    throw new HttpError(`Get ${JSON.stringify(url.href)}: ${why}`)
  } finally {
    timeout.clear()
  }
}

/** The address of an httpGet action against a pod. */
export function actionUrl(action: corev1.HTTPGetAction, host: string, port: number): URL {
  const scheme = (action.scheme ?? "HTTP").toLowerCase()
  const name = action.host || host
  const path = action.path ?? "/"
  const authority = name.includes(":") && !name.startsWith("[") ? `[${name}]` : name
  return new URL(`${scheme}://${authority}:${port}${path.startsWith("/") ? path : `/${path}`}`)
}

/** The number of a port given by number or by name. Throws when the container has no port of that name. */
export function resolvePort(port: number | string, container: corev1.Container): number {
  if (typeof port === "number") return port
  const named = container.ports?.find(({ name }) => name === port)
  const number = named?.containerPort ?? Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new Error(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`)
  }
  return number
}
