import type { IncomingMessage } from "node:http"
import { connect } from "node:net"
import type { Duplex } from "node:stream"
import type { RuntimeService } from "@ladya/cri"
import { joinSockets } from "@ladya/util"

/** An answer other than success, in plain text, as kubelets give it. */
export class HttpError extends Error {
  override name = "HttpError"
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

type Streams = { tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }

const flag = (query: URLSearchParams, name: string): boolean => /^(1|true)$/i.test(query.get(name) ?? "")

/** What a client asks of exec and attach: `input`, `output`, `error`, `tty`, or the API's own names. */
export function streamsOf(query: URLSearchParams): Streams {
  const tty = flag(query, "tty")
  const streams = {
    tty,
    stdin: flag(query, "input") || flag(query, "stdin"),
    stdout: flag(query, "output") || flag(query, "stdout"),
    // A terminal has one output.
    stderr: !tty && (flag(query, "error") || flag(query, "stderr")),
  }
  if (!streams.stdin && !streams.stdout && !streams.stderr) {
    throw new HttpError(400, "you must specify at least 1 of stdin, stdout, stderr")
  }
  return streams
}

/** Ports of a WebSocket's query; a SPDY client names them in its streams. */
export function portsOf(query: URLSearchParams): number[] {
  return [...query.getAll("port"), ...query.getAll("ports")]
    .flatMap((text) => text.split(","))
    .map((text) => {
      const port = Number(text)
      if (!Number.isInteger(port) || port < 1 || port > 65535) throw new HttpError(400, `invalid port ${text}`)
      return port
    })
}

/**
 * Whether a WebSocket client speaks only protocols that the runtime does not. It is refused then, and asks again by
 * SPDY: newer ones have a way to close standard input that the older lack.
 */
export function speaksOnlyNewerProtocols(request: IncomingMessage): boolean {
  const offered = request.headers["sec-websocket-protocol"]
  if (!offered) return false
  const known = /^(|v4\.|v4\.base64\.|base64\.)channel\.k8s\.io$/
  return !offered.split(",").some((protocol) => known.test(protocol.trim()))
}

const hop = new Set(["host", "authorization"])

/** The request's head as it came, for another place; whoever signed it is of no concern there. */
function headFor(request: IncomingMessage, url: URL): string {
  const lines = [`${request.method} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`]
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] as string
    if (!hop.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[i + 1]}`)
  }
  return `${lines.join("\r\n")}\r\n\r\n`
}

/** Passes an upgrade request on to a streaming address of the runtime, byte by byte, SPDY or WebSocket alike. */
export async function passUpgrade(
  request: IncomingMessage,
  client: { socket: Duplex; head: Buffer },
  address: string,
): Promise<void> {
  const url = new URL(address)
  const upstream = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    upstream.once("connect", resolve)
    upstream.once("error", reject)
  })
  upstream.setNoDelay(true)
  upstream.write(headFor(request, url))
  if (client.head.length > 0) upstream.write(client.head)
  joinSockets(client.socket, upstream)
}

/** What of the runtime streaming needs. */
export type StreamingRuntime = Pick<RuntimeService, "exec" | "attach" | "portForward" | "execSync">
