import type { Duplex } from "node:stream"
import type { ApiRequest } from "../request.ts"

const hopHeaders = new Set(["authorization", "host", "cookie", "x-forwarded-for", "forwarded"])
/** Impersonation and front-proxy headers speak to this server alone. */
const privateHeader = /^(impersonate-|x-remote-)/
/** Clients send one line a value, and older servers read only that form. */
const oneLineAValue = new Set(["x-stream-protocol-version"])

/** The head of an upgrade request, to be sent on with these headers besides its own. */
export function upgradeHead(
  request: ApiRequest,
  path: string,
  host: string,
  more: Readonly<Record<string, readonly string[]>> = {},
): string {
  const lines = [`${request.method} ${path} HTTP/1.1`, `Host: ${host}`]
  for (const [name, values] of Object.entries(more)) for (const value of values) lines.push(`${name}: ${value}`)
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || name.startsWith(":") || hopHeaders.has(name) || privateHeader.test(name)) continue
    const values = oneLineAValue.has(name) ? value.split(",").map((part) => part.trim()) : [value]
    for (const part of values) lines.push(`${name}: ${part}`)
  }
  return `${lines.join("\r\n")}\r\n\r\n`
}

/** Whether the client speaks only WebSocket protocols that container runtimes of today do not: it falls back to SPDY when refused. */
export function speaksOnlyNewProtocols(request: ApiRequest): boolean {
  const offered = request.headers["sec-websocket-protocol"]
  if (!offered) return false
  return offered
    .split(",")
    .every((protocol) => /^(v5\.channel\.k8s\.io|SPDY\/3\.1\+portforward\.k8s\.io)$/.test(protocol.trim()))
}

/** Refuses an upgrade on the raw connection. */
export function refuseUpgrade(
  socket: Duplex,
  status: number,
  reason: string,
  body: string,
  contentType = "text/plain",
): void {
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
