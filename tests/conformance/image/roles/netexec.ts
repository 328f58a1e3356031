import { execFile } from "node:child_process"
import { createSocket } from "node:dgram"
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http"
import { hostname } from "node:os"
import { option } from "../options.ts"

/**
 * An HTTP server (`--http-port`, 8080) and a UDP server (`--udp-port`, 8081) that answer about themselves: `/hostname`,
 * `/clientip`, `/echo?msg=`, `/header?key=`, `/healthz`, `/shell?cmd=`, `/exit?code=`, and
 * `/dial?host=&port=&protocol=&request=&tries=`, which asks another such server.
 */
export function run(args: string[]): void {
  const server = createServer((incoming, answer) => {
    void serve(incoming, answer).catch((error: Error) => answer.writeHead(500).end(error.message))
  })
  server.listen(Number(option(args, "http-port", "8080")), "0.0.0.0")
  const udpPort = Number(option(args, "udp-port", "8081"))
  if (udpPort < 0) return
  const udp = createSocket("udp4")
  udp.on("message", (message, from) => {
    const text = message.toString().trim()
    const words = text.split(/\s+/)
    const answers: Record<string, string> = {
      hostname: hostname(),
      clientip: `${from.address}:${from.port}`,
      echo: words.slice(1).join(" "),
    }
    const reply = answers[words[0]?.toLowerCase() ?? ""]
    if (reply !== undefined) udp.send(reply, from.port, from.address)
  })
  udp.bind(udpPort, "0.0.0.0")
}

async function serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? "/", "http://helper")
  const query = (name: string): string => url.searchParams.get(name) ?? ""
  const from = `${incoming.socket.remoteAddress?.replace(/^::ffff:/, "")}:${incoming.socket.remotePort}`
  switch (url.pathname) {
    case "/hostname":
    case "/hostName":
      answer.end(hostname())
      return
    case "/clientip":
      answer.end(from)
      return
    case "/echo":
      answer.writeHead(Number(query("code") || 200)).end(query("msg"))
      return
    case "/header":
      answer.end(String(incoming.headers[query("key").toLowerCase()] ?? ""))
      return
    case "/exit":
      answer.end("exiting")
      setTimeout(() => process.exit(Number(query("code") || 0)), 50)
      return
    case "/shell": {
      const cmd = query("cmd") || query("shellCommand")
      execFile("/bin/sh", ["-c", cmd], (error, stdout, stderr) => {
        const failure = error ? { error: error.message } : {}
        answer.end(JSON.stringify({ output: stdout + stderr, ...failure }))
      })
      return
    }
    case "/dial": {
      const { responses, errors } = await dialAll(query)
      answer.end(JSON.stringify({ responses, ...(errors.length > 0 ? { errors } : {}) }))
      return
    }
    default:
      // `/` and `/healthz`, and whatever a probe asks.
      answer.end(`NOW: ${new Date().toISOString()}`)
  }
}

async function dialAll(query: (name: string) => string): Promise<{ responses: string[]; errors: string[] }> {
  const dial = query("protocol") === "udp" ? dialUdp : dialHttp
  const responses: string[] = []
  const errors: string[] = []
  for (let left = Number(query("tries") || 1); left > 0; left--) {
    try {
      responses.push(await dial(query("host"), Number(query("port")), query("request") || "hostname"))
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  return { responses, errors }
}

function dialHttp(host: string, port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path: `/${path}`, timeout: 5000, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (chunk: string) => {
        text += chunk
      })
      response.on("end", () => resolve(text))
    })
    outgoing.on("timeout", () => outgoing.destroy(new Error("timed out")))
    outgoing.on("error", reject)
    outgoing.end()
  })
}

function dialUdp(host: string, port: number, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4")
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error("timed out"))
    }, 5000)
    socket.on("message", (reply) => {
      clearTimeout(timer)
      socket.close()
      resolve(reply.toString())
    })
    socket.on("error", reject)
    socket.send(message, port, host)
  })
}
