import { readFileSync } from "node:fs"
import type { IncomingMessage } from "node:http"
import { createServer } from "node:https"
import { option } from "./options.ts"

export type Json = Record<string, unknown>
export type JsonHandler = (body: Json, path: string, request: IncomingMessage) => unknown

/**
 * Serves HTTPS with `--tls-cert-file` and `--tls-private-key-file` (/certs/tls.crt and /certs/tls.key unless told) on
 * `--port` (8443): the JSON body of each request goes to the handler of its path, what that gives is the answer.
 * `/healthz` and `/readyz` answer ok. What throws is a 500; an unknown path a 404.
 */
export function serveJson(args: readonly string[], handlers: Record<string, JsonHandler>): void {
  const server = createServer(
    {
      cert: readFileSync(option(args, "tls-cert-file", "/certs/tls.crt")),
      key: readFileSync(option(args, "tls-private-key-file", "/certs/tls.key")),
    },
    (request, answer) => {
      const path = new URL(request.url ?? "/", "https://helper").pathname
      const chunks: Buffer[] = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        if (path === "/healthz" || path === "/readyz") {
          answer.end("ok")
          return
        }
        const handler = handlers[path]
        if (!handler) {
          answer.writeHead(404).end()
          return
        }
        const text = Buffer.concat(chunks).toString("utf8")
        void Promise.resolve()
          .then(() => handler(text ? (JSON.parse(text) as Json) : {}, path, request))
          .then((value) => {
            answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value))
          })
          .catch((error: Error) => {
            console.error(`${path}: ${error.stack}`)
            answer.writeHead(500).end(error.message)
          })
      })
    },
  )
  server.listen(Number(option(args, "port", "8443")), "0.0.0.0")
}
