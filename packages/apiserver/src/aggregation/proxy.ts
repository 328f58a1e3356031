import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { errorMessage, joinSockets } from "@ladya/util"
import { type ApiRequest, type ApiResponse, type Handler, hijacked } from "../request.ts"
import { isForThisHop, isPassedOn } from "../streaming/passed-headers.ts"
import { upgradeHead } from "../streaming/upgrade.ts"
import { isAvailable, type RemoteService } from "./api-services.ts"
import { frontProxyHeaders } from "./front-proxy-headers.ts"
import type { ServiceClient } from "./service-client.ts"

/** What this server writes itself, towards either side. */
const ownHeaders = new Set(["proxy-connection", "content-length", "expect", "http2-settings", "date"])

/** What the server behind is sent: the client's headers without those that speak for somebody, and who it is. */
export function headersFor(request: ApiRequest): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || ownHeaders.has(name) || !isPassedOn(name)) continue
    headers[name] = value
  }
  const before = headers["x-forwarded-for"]
  headers["x-forwarded-for"] = before ? `${before}, ${request.remoteAddress}` : request.remoteAddress
  if (request.user) Object.assign(headers, frontProxyHeaders(request.user))
  return headers
}

/** `content-type` → `Content-Type`: so that it stands in place of the header that this server would send itself. */
const canonical = (name: string): string => name.replace(/(^|-)[a-z]/g, (text) => text.toUpperCase())

function answerHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || isForThisHop(name)) continue
    if (ownHeaders.has(name) && name !== "content-length") continue
    result[canonical(name)] = Array.isArray(value) ? value.join(", ") : value
  }
  return result
}

/** Errors of the proxy itself are plain text: clients make their own words of the code. */
const plainError = (status: number, message: string): ApiResponse => ({
  status,
  headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
  body: Buffer.from(`${message}\n`),
})

export function pathOf(request: ApiRequest): string {
  const query = request.query.toString()
  return query ? `${request.path}?${query}` : request.path
}

/** Sends a request on to the server behind an APIService: watches, streams and upgrades as well. */
export async function proxyTo(
  remote: RemoteService,
  client: () => ServiceClient,
  request: ApiRequest,
): ReturnType<Handler> {
  if (!isAvailable(remote.object)) return plainError(503, "service unavailable")
  if (!request.user) return plainError(500, "missing user")
  const hasBody = !request.upgrade && request.method !== "GET" && request.method !== "HEAD"
  const body = hasBody ? await request.body() : undefined
  try {
    if (request.upgrade) return await proxyUpgrade(client(), request, request.upgrade)
    const answer = await client().request({
      method: request.method,
      path: pathOf(request),
      headers: headersFor(request),
      signal: request.signal,
      ...(body ? { body } : {}),
    })
    return answerOf(answer)
  } catch (error) {
    return plainError(503, `error trying to reach service: ${errorMessage(error)}`)
  }
}

function answerOf(answer: IncomingMessage): ApiResponse {
  const status = answer.statusCode ?? 502
  // The server behind could send clients, and their rights, anywhere.
  if (status >= 300 && status < 400 && status !== 304 && answer.headers.location) {
    answer.destroy()
    return plainError(502, "the backend attempted to redirect this request, which is not permitted")
  }
  return { status, headers: answerHeaders(answer.headers), body: answer }
}

async function proxyUpgrade(
  client: ServiceClient,
  request: ApiRequest,
  upgrade: NonNullable<ApiRequest["upgrade"]>,
): Promise<typeof hijacked> {
  const connection = await client.connect()
  const identity = request.user ? frontProxyHeaders(request.user) : {}
  connection.write(upgradeHead(request, pathOf(request), client.serverName, identity))
  if (upgrade.head.length > 0) connection.write(upgrade.head)
  joinSockets(upgrade.socket, connection)
  return hijacked
}
