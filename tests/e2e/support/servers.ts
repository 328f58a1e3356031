import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Client, loadKubeconfig, newClient, newHttpsTransport } from "@ladya/client"
import { silentLogger, systemClock, waitFor } from "@ladya/util"
import { freePorts } from "../../../packages/store/src/testing/etcd.ts"
import { type Outcome, patienceMs, runProgram } from "./cluster.ts"

const root = join(import.meta.dirname, "../../..")

/** A control plane as a process of its own, without a node. */
export interface ServerProcess {
  readonly data: string
  /** As its administrator. */
  readonly client: Client
  kubectl(...args: string[]): Promise<Outcome>
  /** What it logged. */
  log(): string
  isAlive(): boolean
  end(signal: NodeJS.Signals): Promise<void>
}

/** Several control planes on one store: one cluster, one authority. Ended with `stop`. */
export class Servers {
  readonly #directory = mkdtempSync(join(tmpdir(), "ladya-e2e-servers-"))
  readonly #store: string
  readonly #all: ServerProcess[] = []
  readonly #closers: (() => Promise<void>)[] = []

  constructor(store: string) {
    this.#store = store
  }

  /** Starts one more; resolves when it is ready. */
  async start(): Promise<ServerProcess> {
    const data = join(this.#directory, String(this.#all.length))
    const [first] = this.#all
    if (first) {
      // Further servers have the first one's keys.
      cpSync(first.data, data, { recursive: true })
      rmSync(join(data, "admin.kubeconfig"), { force: true })
    }
    const [port] = await freePorts(1)
    const args = ["server", "--no-node", "--listen", `127.0.0.1:${port}`, "--data-dir", data, "--store", this.#store]
    // The program itself, not the shell script before it: signals are to reach it.
    const child = spawn(process.execPath, [join(root, "packages/ladya/src/main.ts"), ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    })
    let log = ""
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk
    })
    const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
    const kubeconfig = join(data, "admin.kubeconfig")
    const kubectl = (...words: string[]): Promise<Outcome> =>
      runProgram("kubectl", words, { env: { KUBECONFIG: kubeconfig } })
    const end = (signal: NodeJS.Signals): Promise<void> => endProcess(child, isAlive, signal)
    try {
      const isReady = async (): Promise<boolean> => {
        if (!isAlive()) throw new Error("it has ended")
        return existsSync(kubeconfig) && (await kubectl("get", "--raw", "/readyz")).stdout === "ok"
      }
      const wait = { description: "the server to be ready", timeoutMs: patienceMs, intervalMs: 100 }
      await waitFor(systemClock, isReady, wait)
    } catch (error) {
      await end("SIGKILL")
      throw new Error(`${error instanceof Error ? error.message : error}\n${log.slice(-3000)}`)
    }
    const access = loadKubeconfig(readFileSync(kubeconfig, "utf8"))
    const transport = newHttpsTransport({ ...access, userAgent: "ladya-e2e", clock: systemClock, log: silentLogger })
    this.#closers.push(async () => transport.close())
    const server = { data, client: newClient(transport), kubectl, log: () => log, isAlive, end }
    this.#all.push(server)
    return server
  }

  async stop(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()))
    await Promise.all(this.#all.map((server) => server.end("SIGTERM")))
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function endProcess(child: ChildProcess, isAlive: () => boolean, signal: NodeJS.Signals): Promise<void> {
  if (!isAlive()) return
  const exited = once(child, "exit")
  child.kill(signal)
  await exited
}
