import assert from "node:assert/strict"
import { createServer } from "node:net"
import { type TestContext, test } from "node:test"
import type { corev1, discoveryv1 } from "@ladya/api"
import { statusError } from "@ladya/apimachinery"
import { newServiceDialer, newWebhookCaller, type WebhookCaller } from "@ladya/apiserver"
import { newRandom, systemClock } from "@ladya/util"
import { newTestPki } from "../certificates.ts"
import { startWebhookServer } from "../webhook-server.ts"

const pki = await newTestPki()
const caBundle = Buffer.from(pki.ca).toString("base64")
const timeoutMs = 10_000

/** One Service, `hook` in `default`, port 443 in front of `port` of loopback. */
function newCaller(t: TestContext, port = 0): WebhookCaller {
  const service: corev1.Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "hook", namespace: "default" },
    spec: { ports: [{ name: "https", port: 443 }] },
  }
  const slice: discoveryv1.EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "hook" },
    addressType: "IPv4",
    ports: [{ name: "https", port }],
    endpoints: port ? [{ addresses: ["127.0.0.1"], conditions: { ready: true } }] : [],
  }
  const notFound = async (): Promise<never> => {
    throw statusError.notFound({ group: "", resource: "things" }, "x")
  }
  const dialService = newServiceDialer({
    lookup: {
      pod: notFound,
      node: notFound,
      service: async (_namespace, name) => (name === "hook" ? service : notFound()),
      endpointSlices: async () => [slice],
    },
    random: newRandom(1),
    dialer: () => undefined,
  })
  const caller = newWebhookCaller({ clock: systemClock, dialService })
  t.after(() => caller.close())
  return caller
}

test("a webhook is called by URL, is told the timeout, and its connection is kept", async (t) => {
  const server = await startWebhookServer(t, pki.server, ({ body }) => ({ got: body }))
  const caller = newCaller(t)
  const config = { url: `${server.url}/check`, caBundle }
  assert.deepEqual(await caller.call(config, { a: 1 }, { timeoutMs }), { got: { a: 1 } })
  assert.deepEqual(await caller.call(config, '{"a":2}', { timeoutMs }), { got: { a: 2 } })
  assert.deepEqual(
    server.requests.map(({ url }) => url),
    ["/check?timeout=10s", "/check?timeout=10s"],
  )
  assert.equal(server.connections(), 1)
  server.cut()
  assert.deepEqual(await caller.call(config, { a: 3 }, { timeoutMs }), { got: { a: 3 } })
  assert.equal(server.connections(), 2)
})

test("a webhook is called by its Service, and has to show the Service's name", async (t) => {
  const server = await startWebhookServer(t, await pki.serverFor("hook.default.svc"), () => ({ ok: true }))
  const caller = newCaller(t, server.port)
  const service = { name: "hook", namespace: "default", path: "/p" }
  assert.deepEqual(await caller.call({ service, caBundle }, {}, { timeoutMs }), { ok: true })
  assert.equal(server.requests[0]?.url, "/p?timeout=10s")
  await assert.rejects(caller.call({ service: { ...service, port: 8443 }, caBundle }, {}, { timeoutMs }), {
    message: 'Post "https://hook.default.svc:8443/p?timeout=10s": no service port 8443 found for service "hook"',
  })
  await assert.rejects(caller.call({ service: { ...service, name: "none" }, caBundle }, {}, { timeoutMs }), {
    message: 'Post "https://none.default.svc:443/p?timeout=10s": service "none" not found',
  })
})

test("errors are worded as upstream words them", async (t) => {
  const server = await startWebhookServer(t, pki.server, ({ path }) => {
    if (path === "/hang") return "hang"
    if (path === "/break") return "break"
    if (path === "/500") return { status: 500, text: "oh no" }
    if (path === "/404") return { status: 404, text: "" }
    return { text: "x".repeat(2000) }
  })
  const caller = newCaller(t)
  const other = Buffer.from((await newTestPki()).ca).toString("base64")
  const { url } = server
  const plain = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve))
  const plainUrl = `https://127.0.0.1:${(plain.address() as { port: number }).port}`
  t.after(() => plain.close())
  const cases = [
    {
      config: { url: `${url}/hang`, caBundle },
      ms: 900,
      want: `Post "${url}/hang?timeout=1s": context deadline exceeded`,
    },
    { config: { url: `${url}/break`, caBundle }, want: `Post "${url}/break?timeout=10s": EOF` },
    { config: { url: `${url}/404`, caBundle }, want: "the server could not find the requested resource" },
    {
      config: { url: `${url}/500`, caBundle },
      want: 'an error on the server ("oh no") has prevented the request from succeeding',
    },
    { config: { url: `${url}/large`, caBundle }, want: "the answer is larger than 1000 bytes" },
    {
      config: { url: `${url}/x`, caBundle: other },
      want: `Post "${url}/x?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    },
    {
      config: { service: { name: "hook", namespace: "default" }, caBundle },
      want: 'Post "https://hook.default.svc:443/?timeout=10s": no endpoints available for service "hook"',
    },
    {
      config: { url: plainUrl, caBundle },
      want: `Post "${plainUrl}/?timeout=10s": http: server gave HTTP response to HTTPS client`,
    },
    {
      config: { url: "https://127.0.0.1:1/", caBundle },
      want: 'Post "https://127.0.0.1:1/?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    },
    {
      config: { url, caBundle: Buffer.from("no").toString("base64") },
      want: "unable to load root certificates: unable to parse bytes as PEM block",
    },
  ]
  for (const { config, ms = timeoutMs, want } of cases) {
    await assert.rejects(caller.call(config, {}, { timeoutMs: ms, maxResponseBytes: 1000 }), { message: want }, want)
  }
})

test("a certificate for another name is refused", async (t) => {
  const server = await startWebhookServer(t, await pki.serverFor("other.default.svc"), () => ({}))
  const caller = newCaller(t, server.port)
  await assert.rejects(
    caller.call({ service: { name: "hook", namespace: "default" }, caBundle }, {}, { timeoutMs }),
    /x509: certificate is valid for other.default.svc, not hook.default.svc/,
  )
})
