import assert from "node:assert/strict"
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer as createHttpServer, type IncomingMessage } from "node:http"
import { request as httpsRequest } from "node:https"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { type ConnectionOptions, connect as tlsConnect } from "node:tls"
import type { authenticationv1, authorizationv1, corev1 } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { ensurePki, type Pki } from "@ladya/apiserver"
import { type ApiCall, MemoryTransport, newClient } from "@ladya/client"
import { MetricsRegistry, newDeferred, silentLogger, systemClock } from "@ladya/util"
import { type KubeletServer, newServer } from "./index.ts"
import type { ContainerHandle } from "./types.ts"

/** Knows two tokens; `reader` may read statistics only. */
class ReviewTransport extends MemoryTransport {
  reviews = 0

  override async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    if (call.verb !== "create") return super.call(call, signal)
    this.reviews++
    if (call.object.kind === "TokenReview") {
      const review = call.object as authenticationv1.TokenReview
      const username = { "reader-token": "reader", "operator-token": "operator" }[review.spec.token]
      const user = { username: username ?? "", groups: ["system:authenticated"] }
      return { ...review, status: { authenticated: username !== undefined, user } } as KubeObject
    }
    const review = call.object as authorizationv1.SubjectAccessReview
    const { user, resourceAttributes } = review.spec
    const allowed = user === "operator" || (user === "reader" && resourceAttributes?.subresource === "stats")
    return { ...review, status: { allowed } } as KubeObject
  }
}

const pod: corev1.Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "default", name: "web", uid: "u1" },
  spec: { containers: [{ name: "main", image: "busybox" }] },
}

const exited = newDeferred<void>()
const handles: Record<string, ContainerHandle> = {}
let directory: string
let pki: Pki
let server: KubeletServer
let transport: ReviewTransport
/** Stands for the runtime's streaming server: takes the upgrade, then says back what it hears. */
const echo = createHttpServer()
const plainEcho = createServer((socket) => socket.pipe(socket))
const upgrades: string[] = []

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "ladya-kubelet-server-"))
  pki = await ensurePki(join(directory, "pki"), { clock: systemClock, log: silentLogger })
  echo.on("upgrade", (request, socket) => {
    upgrades.push(`${request.url} ${request.headers.upgrade} ${request.headers.authorization ?? "-"}`)
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n")
    socket.on("data", (chunk) => socket.write(chunk))
    socket.on("end", () => socket.end("bye"))
  })
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve))
  await new Promise<void>((resolve) => plainEcho.listen(0, "127.0.0.1", resolve))
  const streaming = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`
  const serving = await pki.issueServingCertificate({ commonName: "system:node:n1", ipAddresses: ["127.0.0.1"] })
  transport = new ReviewTransport(systemClock)
  const metrics = new MetricsRegistry()
  metrics.counter("kubelet_test_total", "A count").add(3)
  server = newServer({
    client: newClient(transport),
    pods: {
      pods: () => [pod],
      pod: (namespace, name) => (namespace === "default" && name === "web" ? pod : undefined),
      sandboxId: async () => "sandbox",
      container: async (_pod, name, options) => (options?.previous ? undefined : handles[name]),
      waitForExit: () => exited.promise,
      cgroupPath: () => "/no/such/group",
    },
    runtime: {
      exec: async (id, request) => `${streaming}/exec/${id}/${request.command.join("+")}`,
      attach: async (id) => `${streaming}/attach/${id}`,
      portForward: async (id, ports) => `${streaming}/portforward/${id}/${ports.join("+")}`,
      execSync: async () => ({ stdout: Buffer.from("out"), stderr: Buffer.alloc(0), exitCode: 0 }),
    },
    metrics,
    clock: systemClock,
    log: silentLogger,
    nodeName: "n1",
    dataDirectory: directory,
    config: {
      host: "127.0.0.1",
      port: 0,
      certificate: serving.certificate,
      key: serving.key,
      clientCa: pki.caCertificate,
    },
  })
  await server.start()
})

after(async () => {
  await server.stop(AbortSignal.timeout(2000))
  echo.close()
  echo.closeAllConnections()
  plainEcho.close()
  await rm(directory, { recursive: true, force: true })
})

interface Answer {
  status: number
  body: string
}

const certificate = () => ({ cert: pki.kubeletClient.certificate, key: pki.kubeletClient.key })

function send(
  path: string,
  options: { token?: string; cert?: boolean; method?: string } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: "127.0.0.1",
        port: server.port,
        path,
        method: options.method ?? "GET",
        ca: pki.caCertificate,
        agent: false,
        headers: options.token ? { Authorization: `Bearer ${options.token}` } : {},
        ...(options.cert ? certificate() : {}),
      },
      resolve,
    )
    request.on("error", reject)
    request.end()
  })
}

async function ask(path: string, options: Parameters<typeof send>[1] = { cert: true }): Promise<Answer> {
  const response = await send(path, options)
  let body = ""
  for await (const chunk of response) body += chunk
  return { status: response.statusCode ?? 0, body }
}

test("nobody is let in without a certificate or token", async () => {
  assert.deepEqual(await ask("/healthz", {}), { status: 401, body: "Unauthorized\n" })
  assert.equal((await ask("/healthz", { token: "unknown" })).status, 401)
})

test("the API server's certificate opens everything", async () => {
  assert.deepEqual(await ask("/healthz"), { status: 200, body: "ok" })
  const list = JSON.parse((await ask("/pods")).body) as { kind: string; items: corev1.Pod[] }
  assert.deepEqual([list.kind, list.items[0]?.metadata.name], ["PodList", "web"])
  assert.match((await ask("/metrics")).body, /kubelet_test_total 3/)
})

test("a token is reviewed, and what it may do; answers are kept", async () => {
  assert.equal((await ask("/stats/summary", { token: "reader-token" })).status, 200)
  const before = transport.reviews
  assert.equal((await ask("/stats/summary", { token: "reader-token" })).status, 200)
  assert.equal(transport.reviews, before)
  const refused = await ask("/pods", { token: "reader-token" })
  assert.deepEqual(refused, {
    status: 403,
    body: "Forbidden (user=reader, verb=get, resource=nodes, subresource=proxy)\n",
  })
  assert.equal((await ask("/pods", { token: "operator-token" })).status, 200)
})

test("statistics of the node are there, in both forms", async () => {
  const summary = JSON.parse((await ask("/stats/summary")).body) as {
    node: { nodeName: string; memory: { workingSetBytes: number }; fs: { capacityBytes: number } }
    pods: { podRef: { name: string } }[]
  }
  assert.equal(summary.node.nodeName, "n1")
  assert.ok(summary.node.memory.workingSetBytes > 0 && summary.node.fs.capacityBytes > 0)
  assert.equal(summary.pods[0]?.podRef.name, "web")
  assert.match((await ask("/metrics/resource")).body, /^node_cpu_usage_seconds_total [\d.]+ \d{13}$/m)
})

const missing: { name: string; path: string; want: Answer; handle?: Partial<ContainerHandle> }[] = [
  { name: "no such pod", path: "/containerLogs/default/no/main", want: { status: 404, body: "pod does not exist\n" } },
  {
    name: "no such container",
    path: "/containerLogs/default/web/no",
    want: { status: 404, body: 'container "no" not found in pod "web"\n' },
  },
  {
    name: "no previous container",
    path: "/containerLogs/default/web/main?previous=true",
    want: { status: 400, body: 'previous terminated container "main" in pod "web" not found\n' },
  },
  {
    name: "not started yet",
    path: "/containerLogs/default/web/waiting",
    handle: { waitingReason: "ContainerCreating" },
    want: { status: 400, body: 'container "waiting" in pod "web" is waiting to start: ContainerCreating\n' },
  },
  {
    name: "no image",
    path: "/containerLogs/default/web/waiting",
    handle: { waitingReason: "ImagePullBackOff" },
    want: {
      status: 400,
      body: 'container "waiting" in pod "web" is waiting to start: trying and failing to pull image\n',
    },
  },
  { name: "no such page", path: "/nothing", want: { status: 404, body: "404 page not found\n" } },
]

for (const { name, path, want, handle } of missing) {
  test(`an error for ${name}`, async () => {
    if (handle)
      handles["waiting"] = { name: "waiting", containerId: undefined, logPath: undefined, running: false, ...handle }
    assert.deepEqual(await ask(path), want)
  })
}

test("logs are followed until the container ends", async () => {
  const logPath = join(directory, "0.log")
  await writeFile(logPath, "2026-01-01T00:00:00.000000000Z stdout F one\n")
  handles["main"] = { name: "main", containerId: "c1", logPath, running: true }
  const response = await send("/containerLogs/default/web/main?follow=true", { cert: true })
  let text = ""
  for await (const chunk of response) {
    text += chunk
    if (text === "one\n") await appendFile(logPath, "2026-01-01T00:00:01.000000000Z stdout F two\n")
    if (text === "one\ntwo\n") exited.resolve()
  }
  assert.equal(text, "one\ntwo\n")
})

/** A raw TLS connection with the API server's certificate; what it says until it ends, after it was told `then`. */
async function raw(head: string, then: string): Promise<string> {
  const options = { host: "127.0.0.1", port: server.port, ca: pki.caCertificate, allowHalfOpen: true, ...certificate() }
  const socket = tlsConnect(options as ConnectionOptions)
  let text = ""
  socket.write(head)
  for await (const chunk of socket) {
    if (text === "") socket.end(then)
    text += chunk
  }
  return text
}

const upgrade = (path: string, protocol: string, more = ""): string =>
  `POST ${path} HTTP/1.1\r\nHost: n1\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nAuthorization: Bearer x\r\n${more}\r\n`

test("exec, attach and port-forward are passed to the runtime byte by byte, in both directions to the end", async () => {
  handles["main"] = { name: "main", containerId: "c1", logPath: undefined, running: true }
  const said = await raw(upgrade("/exec/default/web/main?command=ls&command=-l&output=1", "SPDY/3.1"), "hello")
  assert.match(said, /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nhellobye$/)
  assert.equal(upgrades.at(-1), "/exec/c1/ls+-l SPDY/3.1 -")
  await raw(upgrade("/attach/default/web/main?input=1", "SPDY/3.1"), "x")
  assert.equal(upgrades.at(-1), "/attach/c1 SPDY/3.1 -")
  await raw(upgrade("/portForward/default/web?port=80&port=443", "websocket"), "x")
  assert.equal(upgrades.at(-1), "/portforward/sandbox/80+443 websocket -")
})

test("a WebSocket of a protocol that the runtime lacks is refused, so that the client falls back", async () => {
  const v5 = "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n"
  const said = await raw(upgrade("/exec/default/web/main?command=ls&output=1", "websocket", v5), "")
  assert.match(said, /^HTTP\/1\.1 400 Bad Request/)
  const both = "Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n"
  assert.match(
    await raw(upgrade("/exec/default/web/main?command=ls&output=1", "websocket", both), "x"),
    /^HTTP\/1\.1 101/,
  )
})

test("exec into a container that does not run is an error in words", async () => {
  const said = await raw(upgrade("/exec/default/web/gone?command=ls&output=1", "SPDY/3.1"), "")
  assert.match(said, /^HTTP\/1\.1 500 [\s\S]*container not found \("gone"\)\n$/)
  const attached = await raw(upgrade("/attach/default/web/gone?output=1", "SPDY/3.1"), "")
  assert.match(attached, /^HTTP\/1\.1 500 [\s\S]*container gone not found in pod web_default\n$/)
})

test("CONNECT leads to what the node can reach", async () => {
  const { port } = plainEcho.address() as AddressInfo
  const target = `127.0.0.1:${port}`
  assert.match(
    await raw(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`, "ping"),
    /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nping$/,
  )
})

test("run answers with the command's output", async () => {
  handles["main"] = { name: "main", containerId: "c1", logPath: undefined, running: true }
  assert.deepEqual(await ask("/run/default/web/main?cmd=ls", { cert: true, method: "POST" }), {
    status: 200,
    body: "out",
  })
})
