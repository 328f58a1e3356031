/**
 * From the first create to the last bind: hollow nodes (objects that nobody stands behind), pods made over HTTPS on 48
 * connections, a durable store, API server and scheduler in one process whose CPU and memory are the figures.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { Agent, request as httpsRequest } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { printRows } from "./cluster.ts"
import { cpuMs, parallel, residentBytes } from "./process.ts"

const connections = 48
const zones = 10
const colors = 10

interface Workload {
  name: string
  nodes: number
  pods: number
  /** What kube-apiserver, etcd and kube-scheduler 1.36 took of this on such a machine. */
  upstream: string
  goal: string
  spec?(index: number): object
}

const spread = {
  topologySpreadConstraints: [
    {
      maxSkew: 5,
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "bench" } },
    },
  ],
}

const antiAffinity = (index: number): object => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { color: `c${index % colors}` } } },
      ],
    },
  },
})

const nodeAffinity = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          {
            matchExpressions: [
              { key: "topology.kubernetes.io/zone", operator: "In", values: ["zone-1", "zone-2", "zone-3"] },
            ],
          },
        ],
      },
    },
  },
}

const workloads: readonly Workload[] = [
  { name: "basic", nodes: 1000, pods: 2000, upstream: "270/s 6.8 ms", goal: "≥ 1,200/s ≤ 1 ms" },
  { name: "zone spread", nodes: 1000, pods: 2000, upstream: "162/s 11.4 ms", goal: "≥ 800/s", spec: () => spread },
  {
    name: "required anti-affinity, ten colours",
    nodes: 1000,
    pods: 2000,
    upstream: "152/s 12.2 ms",
    goal: "≥ 800/s",
    spec: antiAffinity,
  },
  {
    name: "node affinity",
    nodes: 1000,
    pods: 2000,
    upstream: "188/s 9.9 ms",
    goal: "≥ 800/s",
    spec: () => nodeAffinity,
  },
  { name: "basic", nodes: 100, pods: 2000, upstream: "", goal: "curve" },
  { name: "basic", nodes: 5000, pods: 10_000, upstream: "", goal: "≥ 800/s" },
  { name: "basic", nodes: 15_000, pods: 10_000, upstream: "", goal: "curve" },
]

const held: Workload = { name: "held", nodes: 15_000, pods: 100_000, upstream: "", goal: "< 1.5 GB" }

function podOf(index: number, spec: object): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `pod-${index}`, namespace: "default", labels: { app: "bench", color: `c${index % colors}` } },
    spec: {
      containers: [
        {
          name: "main",
          image: "registry.example.com/pause:3.10",
          ports: [{ containerPort: 80 }],
          resources: { requests: { cpu: "100m", memory: "200Mi" } },
        },
      ],
      ...spec,
    },
  })
}

function nodeOf(index: number): string {
  const name = `node-${index}`
  const amounts = { cpu: "32", memory: "256Gi", pods: "110", "ephemeral-storage": "100Gi" }
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": `zone-${index % zones}`,
      },
    },
    status: {
      allocatable: amounts,
      capacity: amounts,
      conditions: [
        { type: "Ready", status: "True", reason: "KubeletReady", message: "kubelet is posting ready status" },
      ],
    },
  })
}

interface Connection {
  port: number
  ca: Buffer
  agent: Agent
}

function post({ port, ca, agent }: Connection, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }
    const request = httpsRequest({ host: "127.0.0.1", port, path, method: "POST", ca, agent, headers }, (response) => {
      response.resume()
      response.on("end", () => {
        if (response.statusCode === 201) resolve()
        else reject(new Error(`POST ${path}: ${response.statusCode}`))
      })
    })
    request.on("error", reject)
    request.end(body)
  })
}

/** Resolves when the watch is open, with what resolves when so many pods have a node. */
async function watchBinds({ port, ca }: Connection, wanted: number): Promise<{ all: Promise<void>; end(): void }> {
  const path = "/api/v1/pods?watch=1&resourceVersion=0"
  const request = httpsRequest({ host: "127.0.0.1", port, path, ca, agent: false })
  request.end()
  const [response] = await once(request, "response")
  request.on("error", () => undefined)
  response.on("error", () => undefined)
  let bound = 0
  let rest = ""
  const all = new Promise<void>((resolve) => {
    response.setEncoding("latin1")
    response.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) if (line.startsWith('{"type":"MODIFIED"') && line.includes('"nodeName":')) bound++
      if (bound >= wanted) resolve()
    })
  })
  return { all, end: () => request.destroy() }
}

async function started(directory: string): Promise<{ child: ChildProcess; connection: Connection }> {
  const child = fork(join(import.meta.dirname, "scheduler-server.ts"), [directory], {
    stdio: ["ignore", 1, 2, "ipc"],
    // As ./ladya does.
    execArgv: [...process.execArgv, "--max-semi-space-size=4", "--max-old-space-size=1400"],
    env: {
      ...process.env,
      MALLOC_ARENA_MAX: "2",
      NODE_COMPILE_CACHE: join(import.meta.dirname, "../node_modules/.cache/ladya"),
    },
  })
  const [{ port }] = (await once(child, "message")) as [{ port: number }]
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return { child, connection: { port, agent, ca: readFileSync(join(directory, "ca.pem")) } }
}

async function measure({ name, nodes, pods, upstream, goal, spec }: Workload): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "ladya-bench-scheduler-"))
  const { child, connection } = await started(directory)
  try {
    const pid = child.pid as number
    await parallel(nodes, connections, (index) => post(connection, "/api/v1/nodes", nodeOf(index)))
    const binds = await watchBinds(connection, pods)
    const path = "/api/v1/namespaces/default/pods"
    const start = performance.now()
    const cpu = cpuMs(pid)
    await parallel(pods, connections, (index) => post(connection, path, podOf(index, spec?.(index) ?? {})))
    await binds.all
    const seconds = (performance.now() - start) / 1000
    const each = (cpuMs(pid) - cpu) / pods
    const resident = residentBytes(pid) / 1e6
    binds.end()
    return [
      name,
      String(nodes),
      String(pods),
      `${Math.round(pods / seconds)}/s`,
      `${each.toFixed(2)} ms`,
      `${resident.toFixed(0)} MB`,
      upstream,
      goal,
    ]
  } finally {
    connection.agent.destroy()
    child.send("stop")
    await once(child, "exit")
    rmSync(directory, { recursive: true, force: true })
  }
}

const head = ["pods", "nodes", "count", "bound", "CPU/pod", "resident", "upstream 1.36", "goal"]

/** Prints the table of the scheduler's speed, and the curve over the number of nodes. */
export async function run(): Promise<void> {
  const only = process.env["ONLY"]
  const chosen = only ? workloads.filter(({ name, nodes }) => `${name} ${nodes}`.startsWith(only)) : workloads
  const rows: string[][] = []
  for (const workload of chosen) rows.push(await measure(workload))
  printRows([head, ...rows])
}

/** Prints what a cluster of 15,000 nodes and 100,000 pods takes. */
export async function runHeld(): Promise<void> {
  printRows([head, await measure(held)])
}
