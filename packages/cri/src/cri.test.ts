import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js"
import { loadSync } from "@grpc/proto-loader"
import type { CriClient } from "./client.ts"
import { nanosToMs } from "./decode.ts"
import { CriError, isCriError } from "./error.ts"
import { newCriClient } from "./new-cri-client.ts"
import type { RuntimeEvent } from "./types.ts"

type Answer = object | { code: number; details: string }
type Handlers = Record<string, (request: Record<string, unknown>) => Answer>

const protos = ["runtime.proto", "events.proto"].map((name) => join(import.meta.dirname, "protos", name))
// As a Go server sends: zero values are left out on the wire.
const definition = loadSync(protos, { longs: String, enums: String, defaults: false })

type ServiceShape = Parameters<Server["addService"]>[0]

/** A runtime in memory that answers by these handlers, and a client of it. */
async function setUp(
  t: TestContext,
  handlers: Handlers,
  subscribe: (call: ServerWritableStream<object, object>) => void = (call) => call.end(),
): Promise<{ cri: CriClient; server: Server; socket: string }> {
  const directory = await mkdtemp(join(tmpdir(), "ladya-cri-"))
  const socket = join(directory, "runtime.sock")
  const server = new Server()
  for (const name of ["runtime.v1.RuntimeService", "runtime.v1.ImageService"]) {
    const service = definition[name] as ServiceShape
    const table = Object.fromEntries(
      Object.keys(service).map((method) => [
        method,
        (call: ServerUnaryCall<object, object>, done: (error: Answer | null, answer?: object) => void) => {
          const answer = handlers[method]?.(call.request as Record<string, unknown>) ?? {
            code: status.UNIMPLEMENTED,
            details: `method ${method} not implemented`,
          }
          if ("details" in answer) done(answer)
          else done(null, answer)
        },
      ]),
    )
    server.addService(service, table as never)
  }
  server.addService(
    definition["containerd.services.events.v1.Events"] as ServiceShape,
    { Subscribe: subscribe } as never,
  )
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  )
  const cri = newCriClient({ socket })
  t.after(async () => {
    cri.close()
    server.forceShutdown()
    await rm(directory, { recursive: true, force: true })
  })
  return { cri, server, socket }
}

test("zero values that are left out on the wire are there again", async (t) => {
  const { cri } = await setUp(t, {
    ListPodSandbox: () => ({ items: [{ id: "s", createdAt: "1700000000123456789" }] }),
    ListContainers: () => ({}),
    ContainerStatus: () => ({ status: { id: "c", state: "CONTAINER_EXITED", finishedAt: "1700000001000000000" } }),
    PodSandboxStatus: () => ({ status: { id: "s", network: { ip: "10.0.0.1", additionalIps: [{ ip: "fd00::1" }] } } }),
  })
  assert.deepEqual(await cri.runtime.listPodSandboxes(), [
    {
      id: "s",
      metadata: { name: "", uid: "", namespace: "", attempt: 0 },
      state: "SANDBOX_READY",
      createdAtMs: 1_700_000_000_123,
      labels: {},
      annotations: {},
      runtimeHandler: "",
    },
  ])
  assert.deepEqual(await cri.runtime.listContainers(), [])
  const container = await cri.runtime.containerStatus("c")
  assert.deepEqual(
    [container.exitCode, container.startedAtMs, container.finishedAtMs, container.mounts],
    [0, 0, 1_700_000_001_000, []],
  )
  assert.deepEqual((await cri.runtime.podSandboxStatus("s")).ips, ["10.0.0.1", "fd00::1"])
})

test("requests arrive as they were meant", async (t) => {
  const seen: Record<string, Record<string, unknown>> = {}
  const note =
    (name: string, answer: object = {}) =>
    (request: Record<string, unknown>): object => {
      seen[name] = request
      return answer
    }
  const { cri } = await setUp(t, {
    CreateContainer: note("create", { containerId: "c1" }),
    StopContainer: note("stop"),
    ListContainers: note("list"),
    PullImage: note("pull", { imageRef: "sha256:1" }),
    ExecSync: note("exec", { stdout: Buffer.from([0, 255]), exitCode: 3 }),
  })
  const config = {
    metadata: { name: "a", attempt: 1 },
    image: { image: "busybox" },
    envs: [{ key: "A", value: "ü" }],
    mounts: [{ containerPath: "/x", hostPath: "/y", propagation: "PROPAGATION_BIDIRECTIONAL" as const }],
    linux: {
      resources: { cpuShares: 2, oomScoreAdj: -997 },
      securityContext: { runAsUser: { value: 0 }, seccomp: { profileType: "Localhost" as const, localhostRef: "/p" } },
    },
  }
  const sandbox = { metadata: { name: "p", uid: "u", namespace: "n", attempt: 0 } }
  assert.equal(await cri.runtime.createContainer("s1", config, sandbox), "c1")
  const sent = seen["create"]?.["config"] as Record<string, never>
  assert.deepEqual(sent["envs"], [{ key: "A", value: "ü" }])
  assert.deepEqual(sent["mounts"], [{ containerPath: "/x", hostPath: "/y", propagation: "PROPAGATION_BIDIRECTIONAL" }])
  assert.deepEqual(sent["linux"], {
    resources: { cpuShares: "2", oomScoreAdj: "-997" },
    securityContext: { runAsUser: { value: "0" }, seccomp: { profileType: "Localhost", localhostRef: "/p" } },
  })
  await cri.runtime.stopContainer("c1", 30)
  assert.deepEqual(seen["stop"], { containerId: "c1", timeout: "30" })
  await cri.runtime.listContainers({ state: "CONTAINER_RUNNING", labelSelector: { a: "b" } })
  assert.deepEqual(seen["list"], { filter: { state: { state: "CONTAINER_RUNNING" }, labelSelector: { a: "b" } } })
  assert.equal(await cri.images.pull("busybox", { auth: { username: "me" } }), "sha256:1")
  assert.deepEqual(seen["pull"], { image: { image: "busybox" }, auth: { username: "me" } })
  const result = await cri.runtime.execSync("c1", ["x"], { execTimeoutSeconds: 2 })
  assert.deepEqual([result.exitCode, [...result.stdout], [...result.stderr]], [3, [0, 255], []])
})

test("errors keep their code and text; what is gone is as good as stopped", async (t) => {
  const gone = (): Answer => ({ code: status.NOT_FOUND, details: "no such thing" })
  const { cri } = await setUp(t, {
    ContainerStatus: gone,
    StopPodSandbox: gone,
    RemovePodSandbox: gone,
    RemoveContainer: gone,
    ImageStatus: () => ({}),
    PullImage: () => ({ code: status.UNKNOWN, details: "connection refused" }),
  })
  await assert.rejects(cri.runtime.containerStatus("c"), (error) => {
    assert.ok(isCriError(error, "NOT_FOUND"))
    assert.equal(error.message, "no such thing")
    assert.equal(error.rpcText, "rpc error: code = NotFound desc = no such thing")
    return true
  })
  await cri.runtime.stopPodSandbox("s")
  await cri.runtime.removePodSandbox("s")
  await cri.runtime.removeContainer("c")
  assert.equal(await cri.images.status("busybox"), undefined)
  await assert.rejects(cri.images.pull("busybox"), CriError)
  await assert.rejects(cri.runtime.version(), { code: "UNIMPLEMENTED" })
})

test("a call can be given up", async (t) => {
  const { cri } = await setUp(t, {})
  const reason = new Error("enough")
  await assert.rejects(cri.runtime.version({ signal: AbortSignal.abort(reason) }), reason)
})

test("events: what containers and images do, and nothing of execs", async (t) => {
  const encode = (type: string, value: object): Buffer => {
    const message = definition[`containerd.services.events.v1.${type}`] as unknown as {
      serialize(value: object): Buffer
    }
    return message.serialize(value)
  }
  const exit = (value: object): Buffer => encode("TaskExit", value)
  const sent: [string, Buffer][] = [
    ["/tasks/start", encode("TaskEvent", { containerId: "c" })],
    ["/tasks/exit", exit({ containerId: "c", id: "exec1", exitStatus: 1 })],
    [
      "/tasks/exit",
      exit({ containerId: "c", id: "c", exitStatus: 7, exitedAt: { seconds: "1700000000", nanos: 5_000_000 } }),
    ],
    ["/tasks/oom", encode("TaskEvent", { containerId: "c" })],
    ["/containers/delete", encode("ContainerEvent", { id: "c" })],
    ["/images/create", encode("ImageEvent", { name: "busybox" })],
    ["/snapshot/prepare", Buffer.alloc(0)],
  ]
  let filters: unknown
  const { cri } = await setUp(t, {}, (call) => {
    filters = (call.request as { filters: string[] }).filters
    call.sendMetadata(call.metadata)
    for (const [topic, value] of sent) call.write({ namespace: "k8s.io", topic, event: { value } })
    call.end()
  })
  const seen: RuntimeEvent[] = []
  let connected = 0
  for await (const event of cri.events({ signal: new AbortController().signal, onConnected: () => connected++ })) {
    seen.push(event)
  }
  assert.deepEqual(seen, [
    { type: "taskStarted", containerId: "c" },
    { type: "taskExited", containerId: "c", exitCode: 7, exitedAtMs: 1_700_000_000_005 },
    { type: "taskOom", containerId: "c" },
    { type: "containerDeleted", containerId: "c" },
    { type: "imageCreated", image: "busybox" },
  ])
  assert.equal(connected, 1)
  assert.deepEqual(filters, [
    "namespace==k8s.io,topic~=^/tasks/",
    "namespace==k8s.io,topic~=^/containers/",
    "namespace==k8s.io,topic~=^/images/",
  ])
})

test("the event stream ends with the signal, and throws when it breaks", async (t) => {
  const { cri, server } = await setUp(t, {}, (call) => call.sendMetadata(call.metadata))
  const abort = new AbortController()
  for await (const _ of cri.events({ signal: abort.signal, onConnected: () => abort.abort() })) assert.fail()
  const broken = (async () => {
    const signal = new AbortController().signal
    for await (const _ of cri.events({ signal, onConnected: () => server.forceShutdown() })) assert.fail()
  })()
  await assert.rejects(broken, CriError)
})

test("a runtime that is not there is UNAVAILABLE", async (t) => {
  const cri = newCriClient({ socket: "/nonexistent/ladya.sock" })
  t.after(() => cri.close())
  await assert.rejects(cri.runtime.version(), { code: "UNAVAILABLE" })
})

test("nanoseconds to milliseconds", () => {
  assert.equal(nanosToMs("1700000000123999999"), 1_700_000_000_123)
  assert.equal(nanosToMs("999999"), 0)
  assert.equal(nanosToMs("0"), 0)
  assert.equal(nanosToMs(5_999_999), 5)
})
