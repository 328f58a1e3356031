import { createServer, type ServerOptions } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { TestContext } from "node:test"
import type { PemPair } from "./certificates.ts"

export interface WebhookRequest {
  /** Without the query. */
  path: string
  /** Path and query. */
  url: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into reviews of every shape.
  body: any
}

export type WebhookAnswer = object | { status: number; text: string } | Promise<object> | "hang" | "break"

export interface WebhookServer {
  url: string
  port: number
  /** What was asked, in order. */
  readonly requests: WebhookRequest[]
  /** How many connections were made. */
  connections(): number
  /** Cuts connections that are idle. */
  cut(): void
}

/** An HTTPS server on loopback that answers reviews; ended with the test. */
export async function startWebhookServer(
  t: TestContext,
  certificate: PemPair & Pick<ServerOptions, "ca">,
  answer: (request: WebhookRequest) => WebhookAnswer,
): Promise<WebhookServer> {
  const requests: WebhookRequest[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
    incoming.on("end", async () => {
      const url = incoming.url ?? ""
      const request = {
        path: url.split("?")[0] ?? "",
        url,
        body: JSON.parse(Buffer.concat(chunks).toString()) as unknown,
      }
      requests.push(request)
      const given = await answer(request)
      if (given === "hang") return
      if (given === "break") {
        incoming.socket.destroy()
        return
      }
      if ("text" in given && "status" in given) {
        outgoing.writeHead(given.status as number).end(given.text)
        return
      }
      outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(given))
    })
  })
  server.on("secureConnection", (socket) => {
    connections++
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => connections,
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}
