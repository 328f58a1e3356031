import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { request } from "node:https"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

const patienceMs = 30_000

/** From starting `ladya server` to 200 from /readyz, in seconds: with nothing there yet, and with what that left. */
export async function timeToReady(): Promise<{ fresh: number; again: number }> {
  const directory = await mkdtemp(join(tmpdir(), "ladya-bench-"))
  try {
    return { fresh: await startOnce(directory), again: await startOnce(directory) }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function startOnce(directory: string): Promise<number> {
  const port = await freePort()
  const start = performance.now()
  const server = spawn(
    join(import.meta.dirname, "../ladya"),
    ["server", "--no-node", "--data-dir", directory, "--listen", `127.0.0.1:${port}`, "--log-level", "error"],
    { stdio: ["ignore", "ignore", "inherit"] },
  )
  try {
    await ready(server, port, start)
    return (performance.now() - start) / 1000
  } finally {
    server.kill("SIGTERM")
    await once(server, "exit")
  }
}

async function ready(server: ChildProcess, port: number, start: number): Promise<void> {
  while ((await readyz(port)) !== 200) {
    if (server.exitCode !== null) throw new Error(`the server ended with exit code ${server.exitCode}`)
    if (performance.now() - start > patienceMs) throw new Error(`not ready after ${patienceMs / 1000} s`)
    await setTimeout(5)
  }
}

function readyz(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const options = { host: "127.0.0.1", port, path: "/readyz", rejectUnauthorized: false, agent: false }
    const asked = request(options, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on("error", () => resolve(undefined))
    asked.end()
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0))
    })
  })
}
