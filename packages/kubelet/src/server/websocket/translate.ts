import type { IncomingMessage } from "node:http"
import type { Duplex } from "node:stream"
import { connectSpdy, type SpdyClient } from "./spdy-client.ts"
import { offeredProtocols, WebSocketServerEnd } from "./websocket-server.ts"

export const closingProtocol = "v5.channel.k8s.io"
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const
const goneAway = 1001
const normal = 1000

/** Whether a client can tell by WebSocket that standard input has ended, as the runtime's own WebSockets cannot. */
export function wantsClosing(request: IncomingMessage): boolean {
  return offeredProtocols(request).includes(closingProtocol)
}

/**
 * Exec and attach for a client of `v5.channel.k8s.io`: its WebSocket on this side, the runtime's SPDY on the other, where each
 * stream ends by itself. What one side sends faster than the other takes is left in its socket.
 */
export async function translateStreams(
  request: IncomingMessage,
  client: { socket: Duplex; head: Buffer },
  address: string,
  streams: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean },
): Promise<void> {
  const numbers = new Map<number, number>()
  const channelOf = new Map<number, number>()
  let webSocket: WebSocketServerEnd | undefined
  let isOver = false
  const spdy: SpdyClient = await connectSpdy(address, {
    onData: (stream, data) => {
      const channel = channelOf.get(stream)
      if (channel !== undefined && webSocket?.send(channel, data) === false) spdy.pause()
    },
    onDrain: () => webSocket?.resume(),
    onClose: () => {
      isOver = true
      webSocket?.close(normal)
    },
  })
  const wanted = {
    error: true,
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    resize: streams.tty,
  }
  for (const [name, isWanted] of Object.entries(wanted) as [keyof typeof wanted, boolean][]) {
    if (!isWanted) continue
    const stream = spdy.open(name)
    numbers.set(channels[name], stream)
    channelOf.set(stream, channels[name])
  }
  webSocket = new WebSocketServerEnd(request, client, closingProtocol, {
    onMessage: (message) => {
      const [channel = -1, closed = -1] = message
      if (channel === channels.close) {
        const stream = numbers.get(closed)
        if (stream !== undefined) spdy.finish(stream)
        return
      }
      const stream = numbers.get(channel)
      const isInput = channel === channels.stdin || channel === channels.resize
      if (stream === undefined || !isInput || message.length === 1) return
      if (!spdy.send(stream, message.subarray(1))) webSocket?.pause()
    },
    onDrain: () => spdy.resume(),
    onClose: () => spdy.destroy(),
  })
  if (isOver) webSocket.close(goneAway)
}
