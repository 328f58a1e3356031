import { closeSync, fstatSync, openSync, readSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { refs } from "@ladya/api"
import { type HttpsTransport, newClient } from "@ladya/client"
import { type Clock, errorMessage, sleep, systemClock } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { findStaticBusybox } from "../images/builtin.ts"
import { run } from "../system/exec.ts"
import { isAlive, type ProcessRecord } from "../system/processes.ts"
import { adminTransport } from "./access.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState, NodeState } from "./state.ts"

/** The tenth address of the Services' range. */
const dnsAddress = "10.96.0.10"

/** The end of a log, for a message. */
export function tailOf(path: string, lines = 8): string {
  try {
    const file = openSync(path, "r")
    try {
      const { size } = fstatSync(file)
      const buffer = Buffer.alloc(Math.min(size, 16 * 1024))
      readSync(file, buffer, 0, buffer.length, size - buffer.length)
      return buffer.toString().trimEnd().split("\n").slice(-lines).join("\n")
    } finally {
      closeSync(file)
    }
  } catch {
    return ""
  }
}

interface WaitOptions {
  description: string
  timeoutMs: number
  log: string
  /** Processes that must live while it is waited. */
  alive: readonly { name: string; record: ProcessRecord | undefined; log: string }[]
  clock?: Clock
}

const pollMs = 40

/** Polls until `condition` holds. Fails at once, with the end of its log, when a process it depends on has died. */
async function waitWhileAlive(condition: () => Promise<string | undefined>, options: WaitOptions): Promise<void> {
  const clock = options.clock ?? systemClock
  const end = clock.monotonic() + options.timeoutMs
  for (;;) {
    let why: string
    try {
      const missing = await condition()
      if (missing === undefined) return
      why = missing
    } catch (error) {
      why = errorMessage(error)
    }
    const dead = options.alive.find(({ record }) => !isAlive(record))
    if (dead) {
      throw new LadyaError(`${dead.name} ended by itself:\n${tailOf(dead.log)}`, {
        log: dead.log,
        hint: "mend the cause; `ladya up` then starts it again",
      })
    }
    if (clock.monotonic() > end) {
      throw new LadyaError(`${options.description} took longer than ${options.timeoutMs / 1000} s: ${why}`, {
        log: options.log,
      })
    }
    await sleep(clock, pollMs)
  }
}

const serverProcess = (paths: ClusterPaths, state: ClusterState) => ({
  name: "the server",
  record: state.server,
  log: paths.serverLog,
})

/** Waits until the API server says it is ready. */
export async function waitForServer(paths: ClusterPaths, state: ClusterState): Promise<void> {
  const port = `127.0.0.1:${state.apiPort}`
  let transport: HttpsTransport | undefined
  try {
    await waitWhileAlive(
      async () => {
        if (!transport) {
          // An admin.kubeconfig of an earlier start can name another port.
          const text = await readFile(paths.adminKubeconfig, "utf8").catch(() => "")
          if (!text.includes(port)) return "no kubeconfig yet"
          transport = await adminTransport(paths, 2000)
        }
        const { status, body } = await transport.raw({ method: "GET", path: "/readyz" })
        return status === 200 ? undefined : `readyz says ${status}: ${body.toString().slice(0, 200)}`
      },
      {
        description: "starting the API server",
        timeoutMs: 180_000,
        log: paths.serverLog,
        alive: [serverProcess(paths, state)],
      },
    )
  } finally {
    transport?.close()
  }
}

/**
 * Waits until every node is Ready. Of a node whose agent was started just now only what it said since then (in ms of
 * the epoch) counts: a cluster that was stopped still has its nodes Ready in the store.
 */
export async function waitForNodes(
  paths: ClusterPaths,
  state: ClusterState,
  restarted: ReadonlyMap<string, number>,
  detail: (text: string) => void,
): Promise<void> {
  const transport = await adminTransport(paths)
  const nodes = newClient(transport).resource(refs.nodes)
  const wanted = state.nodes.map(({ name }) => name)
  try {
    await waitWhileAlive(
      async () => {
        const ready = new Set<string>()
        const reasons: string[] = []
        for (const node of (await nodes.list()).items) {
          const condition = node.status?.conditions?.find(({ type }) => type === "Ready")
          const name = node.metadata.name ?? ""
          const saidAtMs = Date.parse(condition?.lastHeartbeatTime ?? "")
          // The API's times have whole seconds.
          const isNews = saidAtMs + 999 >= (restarted.get(name) ?? 0)
          if (condition?.status === "True" && isNews) ready.add(name)
          else reasons.push(`${name}: ${condition?.message ?? condition?.reason ?? "no status yet"}`)
        }
        const missing = wanted.filter((name) => !ready.has(name))
        detail(`${wanted.length - missing.length} of ${wanted.length}`)
        return missing.length === 0 ? undefined : `${missing.join(", ")} not Ready; ${reasons.join("; ")}`
      },
      {
        description: "the nodes' becoming Ready",
        timeoutMs: 240_000,
        log: paths.node(wanted[0] ?? "").agentLog,
        alive: [
          serverProcess(paths, state),
          ...state.nodes.map((node) => ({
            name: `the agent of ${node.name}`,
            record: node.processes.agent,
            log: paths.node(node.name).agentLog,
          })),
        ],
      },
    )
  } finally {
    transport.close()
  }
}

/** Waits until the cluster's DNS answers at its Service address, asked from every node. */
export async function waitForDns(paths: ClusterPaths, state: ClusterState): Promise<void> {
  const busybox = (await findStaticBusybox()) ?? "busybox"
  await Promise.all(
    state.nodes.map((node) => {
      // A question asked before the Service's rules are there gets no answer ever: little patience at first, more later.
      let patienceMs = 100
      const ask = (): Promise<string | undefined> => {
        patienceMs = Math.min(2 * patienceMs, 2000)
        return askDns(node, busybox, patienceMs)
      }
      return waitWhileAlive(ask, {
        description: `the cluster DNS on ${node.name}`,
        timeoutMs: 120_000,
        log: paths.node(node.name).agentLog,
        alive: [],
      })
    }),
  )
}

async function askDns(node: NodeState, busybox: string, patienceMs: number): Promise<string | undefined> {
  const name = "kubernetes.default.svc.cluster.local"
  const pid = String(node.processes.machine?.pid)
  const result = await run("nsenter", [
    "-t",
    pid,
    "-n",
    "timeout",
    String(patienceMs / 1000),
    busybox,
    "nslookup",
    name,
    dnsAddress,
  ])
  return result.code === 0 ? undefined : `no answer for ${name}: ${result.stdout.trim().split("\n").at(-1)}`
}
