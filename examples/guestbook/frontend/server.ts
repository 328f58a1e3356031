import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { hostname } from "node:os"
import { page } from "./page.ts"
import { Redis } from "./redis.ts"

const { env } = process
const title = env["TITLE"] ?? "Guestbook"
const version = env["VERSION"] ?? "v1"
const port = Number(env["PORT"] ?? 8080)
const redis = new Redis({
  host: env["REDIS_HOST"] ?? "redis",
  port: Number(env["REDIS_PORT"] ?? 6379),
  password: env["REDIS_PASSWORD"],
})

async function messages(): Promise<string[]> {
  const reply = await redis.command("LRANGE", "messages", "0", "99")
  return Array.isArray(reply) ? reply.map(String) : []
}

async function add(message: string): Promise<void> {
  await redis.command("LPUSH", "messages", message.slice(0, 200))
  await redis.command("LTRIM", "messages", "0", "99")
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ""
  for await (const chunk of request.setEncoding("utf8")) {
    body += chunk
    if (body.length > 10_000) throw new RangeError("too long")
  }
  return body
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": `${type}; charset=utf-8`, "x-answered-by": hostname() }).end(body)
}

const json = (response: ServerResponse, status: number, value: unknown): void =>
  send(response, status, "application/json", `${JSON.stringify(value)}\n`)

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://guestbook")
  switch (`${request.method} ${pathname}`) {
    case "GET /":
      send(response, 200, "text/html", page({ title, version, host: hostname(), messages: await messages() }))
      break
    case "POST /messages":
      await add(new URLSearchParams(await bodyOf(request)).get("message") ?? "")
      response.writeHead(303, { location: "/" }).end()
      break
    case "GET /api/messages":
      json(response, 200, { version, host: hostname(), messages: await messages() })
      break
    case "POST /api/messages": {
      const { message } = JSON.parse(await bodyOf(request)) as { message?: unknown }
      if (typeof message !== "string" || message === "") json(response, 400, { error: "message is missing" })
      else {
        await add(message)
        json(response, 201, { message })
      }
      break
    }
    // The process serves: all that the liveness and startup probes ask.
    case "GET /healthz":
      send(response, 200, "text/plain", "ok\n")
      break
    // It can do its work: all that the readiness probe asks.
    case "GET /readyz":
      await redis.command("PING")
      send(response, 200, "text/plain", "ok\n")
      break
    default:
      json(response, 404, { error: "no such page" })
  }
}

const server = createServer((request, response) => {
  route(request, response).catch((error: unknown) => {
    const status = error instanceof SyntaxError || error instanceof RangeError ? 400 : 503
    json(response, status, { error: error instanceof Error ? error.message : String(error) })
  })
})

server.listen(port, () => process.stdout.write(`guestbook ${version} listens on port ${port}\n`))

// The preStop hook has let the Services forget this pod by now: no new calls come, and those it has are finished.
process.on("SIGTERM", () => {
  process.stdout.write("stopping\n")
  server.close(() => {
    redis.close()
    process.exit(0)
  })
  server.closeIdleConnections()
})
