import { createServer } from "node:http"
import { option } from "../options.ts"

/**
 * Keeps lists of messages: `/guestbook?cmd=set&key=K&value=V` and `cmd=get`. Roles by options: without any, the
 * primary; `--replica-of=HOST:PORT` fetches from it what it answers; `--backends=PRIMARY,REPLICA` (host:port each)
 * makes it a front end, which writes to the one and reads from the other.
 */
export function run(args: string[]): void {
  const data = new Map<string, string[]>()
  const replicaOf = option(args, "replica-of", "")
  const [primary, replica] = option(args, "backends", "").split(",")
  const ask = async (host: string, query: URLSearchParams): Promise<string> => {
    const response = await fetch(`http://${host}/guestbook?${query}`, { signal: AbortSignal.timeout(5000) })
    if (!response.ok) throw new Error(`${host} answered ${response.status}`)
    return await response.text()
  }
  const answer = async (query: URLSearchParams): Promise<string> => {
    const key = query.get("key") ?? ""
    const isWrite = query.get("cmd") === "set"
    if (primary && replica) return await ask(isWrite ? primary : replica, query)
    if (replicaOf) {
      if (isWrite) throw new Error("a replica is not written to")
      return await ask(replicaOf, query)
    }
    if (isWrite) {
      data.set(key, [...(data.get(key) ?? []), query.get("value") ?? ""])
      return JSON.stringify({ message: "Updated" })
    }
    return JSON.stringify({ data: (data.get(key) ?? []).join(",") })
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://guestbook")
    if (url.pathname !== "/guestbook") {
      response.writeHead(url.pathname === "/healthz" ? 200 : 404).end()
      return
    }
    answer(url.searchParams).then(
      (text) => response.writeHead(200, { "content-type": "application/json" }).end(text),
      (error: Error) => response.writeHead(502).end(error.message),
    )
  })
  server.listen(Number(option(args, "http-port", "80")), "0.0.0.0")
}
