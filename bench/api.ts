/** The API as clients see it: 48 parallel HTTP/1.1 connections over TLS, pods of 1.6 KB, a durable store. Server CPU is the figure. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { Agent, request as httpsRequest } from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { schemaSource } from "@ladya/api"
import { protobufBody } from "@ladya/apimachinery"
import { cpuMs, parallel } from "./process.ts"

const pods = 3000
const connections = 48
const watchers = 100

const protobuf = "application/vnd.kubernetes.protobuf"
const podType = "io.k8s.api.core.v1.Pod"

interface Context {
  child: ChildProcess
  port: number
  ca: Buffer
  agent: Agent
}

const podOf = (index: number): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pod-${String(index).padStart(5, "0")}`,
      namespace: "default",
      labels: { app: "bench", group: `g${index % 50}`, tier: "backend", release: "stable" },
      annotations: { "example.com/note": "x".repeat(120) },
    },
    spec: {
      nodeName: `node-${index % 10}`,
      serviceAccountName: "default",
      containers: [
        {
          name: "main",
          image: "registry.example.com/team/application:1.2.3",
          command: ["/bin/server", "--port=8080"],
          env: Array.from({ length: 6 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value number ${i}` })),
          ports: [{ containerPort: 8080, protocol: "TCP" }],
          resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
          volumeMounts: [{ name: "data", mountPath: "/data" }],
        },
      ],
      volumes: [{ name: "data", emptyDir: {} }],
    },
  })

function call(
  context: Context,
  method: string,
  path: string,
  body?: string | Uint8Array,
  type = "application/json",
  accept = "application/json",
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: context.port,
        path,
        method,
        ca: context.ca,
        agent: context.agent,
        headers: {
          Accept: accept,
          ...(body ? { "Content-Type": type, "Content-Length": Buffer.byteLength(body) } : {}),
        },
      },
      (response) => {
        let size = 0
        response.on("data", (chunk: Buffer) => {
          size += chunk.length
        })
        response.on("end", () => {
          if ((response.statusCode ?? 500) < 300) resolve(size)
          else reject(new Error(`${method} ${path}: ${response.statusCode}`))
        })
        response.on("error", reject)
      },
    )
    request.on("error", reject)
    request.end(body)
  })
}

interface Row {
  name: string
  perOp: string
  perSecond: string
  goal: string
}

async function timed(
  context: Context,
  name: string,
  goal: string,
  count: number,
  body: () => Promise<void>,
): Promise<Row> {
  const pid = context.child.pid as number
  const cpu = cpuMs(pid)
  const start = performance.now()
  await body()
  const wall = performance.now() - start
  const each = ((cpuMs(pid) - cpu) * 1000) / count
  const perOp = each >= 2000 ? `${(each / 1000).toFixed(2)} ms` : `${each.toFixed(1)} µs`
  return { name, perOp, perSecond: `${Math.round((count / wall) * 1000)}/s`, goal }
}

const base = "/api/v1/namespaces/default/pods"
const nameOf = (index: number): string => `pod-${String(index % pods).padStart(5, "0")}`

async function watchRow(context: Context): Promise<Row> {
  const events = 1500
  let delivered = 0
  const delays: number[] = []
  let done: () => void = () => undefined
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const open = Array.from({ length: watchers }, async () => {
    const request = httpsRequest({
      host: "127.0.0.1",
      port: context.port,
      path: "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=0",
      ca: context.ca,
      agent: false,
    })
    request.end()
    request.on("error", () => undefined)
    const [response] = await once(request, "response")
    let rest = ""
    response.setEncoding("utf8")
    response.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n")
      rest = lines.pop() ?? ""
      const now = Date.now()
      for (const line of lines) {
        const sent = /"at":"(\d+)"/.exec(line)?.[1]
        if (sent) delays.push(now - Number(sent))
      }
      delivered += lines.length
      if (delivered >= events * watchers) done()
    })
    response.on("error", () => undefined)
    return request
  })
  const requests = await Promise.all(open)
  // What the writes alone cost is taken off.
  const write = (kind: string) => (index: number) =>
    call(
      context,
      "POST",
      `/api/v1/namespaces/default/${kind}`,
      JSON.stringify({
        apiVersion: "v1",
        kind: kind === "secrets" ? "Secret" : "ConfigMap",
        metadata: { name: `c${index}` },
        [kind === "secrets" ? "stringData" : "data"]: { at: String(Date.now()), text: "x".repeat(1200) },
      }),
    )
  const pid = context.child.pid as number
  const before = cpuMs(pid)
  await parallel(events, 8, write("secrets"))
  const writes = cpuMs(pid) - before
  const start = performance.now()
  const cpu = cpuMs(pid)
  await parallel(events, 8, write("configmaps"))
  await all
  const used = cpuMs(pid) - cpu - writes
  const wall = performance.now() - start
  for (const request of requests) request.destroy()
  delays.sort((a, b) => a - b)
  const p99 = delays[Math.floor(delays.length * 0.99)]
  return {
    name: `watch, per event delivered, ${watchers} watchers (p99 ${p99} ms)`,
    perOp: `${((used * 1000) / (events * watchers)).toFixed(1)} µs`,
    perSecond: `${Math.round(((events * watchers) / wall) * 1000)}/s`,
    goal: "≤ 5 µs, p99 ≤ 20 ms",
  }
}

type Add = (
  name: string,
  goal: string,
  count: number,
  width: number,
  task: (i: number) => Promise<unknown>,
) => Promise<void>

const adder =
  (context: Context, rows: Row[]): Add =>
  async (name, goal, count, width, task) => {
    rows.push(await timed(context, name, goal, count, () => parallel(count, width, task)))
  }

/** The workload of the reference figures. */
async function measureAll(context: Context): Promise<Row[]> {
  const rows: Row[] = []
  const add = adder(context, rows)
  await add("create", "≤ 400 µs", pods, connections, (i) => call(context, "POST", base, podOf(i)))
  await add("get", "≤ 100 µs", 20_000, connections, (i) => call(context, "GET", `${base}/${nameOf(i)}`))
  await add(`list ${pods} pods`, "≤ 12 ms", 60, 4, () => call(context, "GET", base))
  await add("list, limit=500", "≤ 2.2 ms", 300, 8, () => call(context, "GET", `${base}?limit=500`))
  await add("list by label (60 of 3,000)", "≤ 0.5 ms", 2000, connections, (i) =>
    call(context, "GET", `${base}?labelSelector=group%3Dg${i % 50}`),
  )
  await add("strategic patch of status", "≤ 500 µs", pods, connections, (i) =>
    call(
      context,
      "PATCH",
      `${base}/${nameOf(i)}/status`,
      JSON.stringify({
        status: {
          phase: "Running",
          podIP: `10.0.0.${i % 250}`,
          conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }],
        },
      }),
      "application/strategic-merge-patch+json",
    ),
  )
  rows.push(await watchRow(context))
  await add("delete", "≤ 400 µs", pods, connections, (i) =>
    call(context, "DELETE", `${base}/${nameOf(i)}?gracePeriodSeconds=0`),
  )
  return rows
}

/** The same in protobuf, which the reference figures do not have. It leaves its pods there. */
async function measureProtobuf(context: Context): Promise<Row[]> {
  const rows: Row[] = []
  const add = adder(context, rows)
  const get = (path: string) => call(context, "GET", path, undefined, undefined, protobuf)
  await add("create, protobuf", "≤ 400 µs", pods, connections, (i) =>
    call(context, "POST", base, protobufBody(JSON.parse(podOf(i)), podType, schemaSource), protobuf, protobuf),
  )
  await add("get, protobuf", "≤ 100 µs", 20_000, connections, (i) => get(`${base}/${nameOf(i)}`))
  await add(`list ${pods} pods, protobuf`, "≤ 12 ms", 60, 4, () => get(base))
  return rows
}

async function rss(child: ChildProcess): Promise<string> {
  child.send("rss")
  const [usage] = (await once(child, "message")) as [NodeJS.MemoryUsage]
  const { rss: bytes } = usage
  if (process.env["VERBOSE"]) console.log(JSON.stringify(usage))
  return `${Math.round(bytes / 1048576)} MB`
}

/** What kube-apiserver with etcd needed on a machine of this kind, by the beginning of a row's name. */
const reference: readonly (readonly [string, string])[] = [
  ["create, protobuf", ""],
  ["get, protobuf", ""],
  ["create", "1,777 µs (906/s)"],
  ["get", "566 µs (2,776/s)"],
  ["list, limit=500", "22 ms"],
  ["list by label", "6.3 ms"],
  [`list ${pods} pods, protobuf`, ""],
  [`list ${pods} pods`, "126 ms"],
  ["strategic patch of status", "2,220 µs (808/s)"],
  ["watch", "51 µs, p99 81 ms"],
  ["delete", "1,913 µs (917/s)"],
  ["resident", "305 / 722 MB"],
  ["start", "3.3 s"],
]

const referenceOf = (name: string): string => reference.find(([begin]) => name.startsWith(begin))?.[1] ?? ""

function print(name: string, perOp: string, perSecond: string, goal: string, other: string): void {
  console.log(
    `${name.padEnd(56)} ${perOp.padStart(16)} ${perSecond.padStart(10)}   ${goal.padEnd(20)} ${other}`.trimEnd(),
  )
}

/** Prints the table of the API's speed. */
export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "ladya-bench-api-"))
  const spawned = performance.now()
  const child = fork(join(import.meta.dirname, "api-server.ts"), [directory], {
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
  const ready = performance.now() - spawned
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const context: Context = { child, port, agent, ca: readFileSync(join(directory, "ca.pem")) }
  try {
    const idle = await rss(child)
    const rows = await measureAll(context)
    rows.push({
      name: "resident, idle / after",
      perOp: `${idle} / ${await rss(child)}`,
      perSecond: "",
      goal: "≤ 120 / 250 MB",
    })
    rows.push({
      name: "start to ready (keys made)",
      perOp: `${(ready / 1000).toFixed(2)} s`,
      perSecond: "",
      goal: "≤ 0.6 s",
    })
    rows.push(...(await measureProtobuf(context)))
    print("operation", "server CPU each", "rate", "to reach", "kube-apiserver 1.36 + etcd 3.5")
    for (const { name, perOp, perSecond, goal } of rows) print(name, perOp, perSecond, goal, referenceOf(name))
  } finally {
    agent.destroy()
    child.send("stop")
    await once(child, "exit")
    rmSync(directory, { recursive: true, force: true })
  }
}
