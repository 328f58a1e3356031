import assert from "node:assert/strict"
import { once } from "node:events"
import { connect as connectHttp2 } from "node:http2"
import { request as httpsRequest } from "node:https"
import { test } from "node:test"
import { connect as connectTls } from "node:tls"
import { gunzipSync } from "node:zlib"
import { type corev1, refs } from "@ladya/api"
import { newClient, newHttpsTransport } from "@ladya/client"
import { silentLogger, systemClock, waitFor } from "@ladya/util"
import { startTestServer } from "../harness.ts"

const base = "/api/v1/namespaces/default/configmaps"
const configMap = (name: string, data: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
})

test("health, version, metrics and the index of paths", async (t) => {
  const { http } = await startTestServer(t, {
    listen: true,
    config: {
      healthChecks: [
        {
          name: "weather",
          check: () => {
            throw new Error("rain")
          },
        },
      ],
    },
  })
  const ready = await http("GET", "/readyz?verbose")
  assert.equal(ready.status, 500)
  assert.match(ready.text, /^\[\+\]ping ok$/m)
  assert.match(ready.text, /^\[-\]weather failed: reason withheld$/m)
  const excluded = await http("GET", "/readyz?verbose&exclude=weather")
  assert.equal(excluded.status, 200)
  assert.match(excluded.text, /^readyz check passed$/m)
  assert.equal((await http("GET", "/livez/ping")).text, "ok")
  assert.equal((await http("GET", "/livez/weather")).status, 500)
  assert.equal((await http("GET", "/livez/nothing")).status, 404)
  const version = await http("GET", "/version")
  assert.match(version.json.gitVersion, /^v1\.36\./)
  await http("GET", base)
  const metrics = await http("GET", "/metrics")
  assert.match(metrics.text, /^apiserver_request_total\{.*resource="configmaps".*verb="LIST".*code="200".*\} 1$/m)
  const index = await http("GET", "/")
  assert.ok(index.json.paths.includes("/readyz"))
})

test("a large list is compressed for those who like it, a small answer is not", async (t) => {
  const { http, client, url, pki } = await startTestServer(t, { listen: true })
  const maps = client.resource(refs.configmaps)
  for (let i = 0; i < 20; i++) await maps.create(configMap(`big-${i}`, { text: "x".repeat(10_000) }))
  const encoded = await new Promise<Buffer>((resolve, reject) => {
    const request = httpsRequest(`${url}${base}`, { ca: pki.ca, agent: false, headers: { "Accept-Encoding": "gzip" } })
    request.on("error", reject)
    request.on("response", (response) => {
      assert.equal(response.headers["content-encoding"], "gzip")
      const chunks: Buffer[] = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => resolve(Buffer.concat(chunks)))
    })
    request.end()
  })
  assert.equal(JSON.parse(gunzipSync(encoded).toString()).items.length, 20)
  const plain = await http("GET", base)
  assert.equal(plain.headers["content-encoding"], undefined)
  assert.equal(plain.json.items.length, 20)
  const small = await http("GET", `${base}/big-1`, { headers: { "Accept-Encoding": "gzip" } })
  assert.equal(small.headers["content-encoding"], undefined)
})

test("HTTP/2 and HTTP/1.1 give the same", async (t) => {
  const { http, client, url, pki } = await startTestServer(t, { listen: true })
  await client.resource(refs.configmaps).create(configMap("a"))
  const session = connectHttp2(url, { ca: pki.ca })
  const stream = session.request({ ":path": `${base}/a` })
  let text = ""
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    text += chunk
  })
  const [headers] = await once(stream, "response")
  await once(stream, "end")
  assert.equal(headers[":status"], 200)
  assert.equal(text, (await http("GET", `${base}/a`)).text)
  const watch = session.request({ ":path": `${base}?watch=1&resourceVersion=0` })
  watch.setEncoding("utf8")
  const [first] = (await once(watch, "data")) as [string]
  assert.match(first, /^\{"type":"ADDED"/)
  watch.close()
  await once(watch, "close")
  session.close()
  await once(session, "close")
})

test("HEAD has headers and no body; a stop ends watches and idle connections", async (t) => {
  const { http, server, url, pki } = await startTestServer(t, { listen: true })
  const head = await http("HEAD", "/version")
  assert.equal(head.status, 200)
  assert.equal(head.text, "")
  assert.ok(Number(head.headers["content-length"]) > 0)
  const watch = httpsRequest(`${url}${base}?watch=1`, { ca: pki.ca, agent: false })
  watch.end()
  const [response] = await once(watch, "response")
  response.resume()
  const idle = connectTls({ port: Number(new URL(url).port), host: "127.0.0.1", ca: pki.ca })
  await once(idle, "secureConnect")
  idle.on("error", () => undefined)
  const ended = [once(response, "end"), once(idle, "close")]
  await server.stop(AbortSignal.timeout(3000))
  await Promise.all(ended)
})

test("a client that goes away leaves no watch behind", async (t) => {
  const { server, url, pki, http } = await startTestServer(t, { listen: true })
  const open = () => /^apiserver_longrunning_requests\{.*\} 1$/m
  const watch = httpsRequest(`${url}${base}?watch=1`, { ca: pki.ca, agent: false })
  watch.on("error", () => undefined)
  watch.end()
  await once(watch, "response")
  assert.match((await http("GET", "/metrics")).text, open())
  watch.destroy()
  await waitFor(systemClock, async () => !open().test((await http("GET", "/metrics")).text), {
    description: "the watch to end",
    timeoutMs: 60_000,
  })
  assert.ok(server)
})

test("the HTTPS client's informer-like calls work against it", async (t) => {
  const { url, pki } = await startTestServer(t, { listen: true })
  const transport = newHttpsTransport({
    server: url,
    ca: pki.ca,
    userAgent: "test",
    clock: systemClock,
    log: silentLogger,
  })
  t.after(() => transport.close())
  const maps = newClient(transport).resource(refs.configmaps)
  const created = await maps.create(configMap("a", { x: "1" }))
  const stop = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    const options = { namespace: "default", resourceVersion: "0", allowWatchBookmarks: true, signal: stop.signal }
    for await (const event of maps.watch(options)) {
      seen.push(`${event.type} ${event.object.metadata.name}`)
      if (seen.length === 2) stop.abort()
    }
  })()
  await maps.patch("a", "strategic", { data: { y: "2" } }, { namespace: "default" })
  await waitFor(systemClock, () => seen.length > 0, { description: "an event", timeoutMs: 60_000 })
  if (seen.length < 2) await maps.delete("a", { namespace: "default" })
  await reading
  assert.match(seen[0] ?? "", /^ADDED a$/)
  assert.ok(created.metadata.uid)
})

test("impersonation takes the rights of another, for those who may", async (t) => {
  const seen: string[] = []
  const { http } = await startTestServer(t, {
    listen: true,
    config: {
      authenticators: [
        {
          name: "header",
          authenticate: async ({ headers }) =>
            headers["x-test-user"] ? { name: headers["x-test-user"], groups: ["system:authenticated"] } : undefined,
        },
      ],
      authorizers: [
        {
          name: "table",
          authorize({ user, info }) {
            seen.push(`${user.name} ${info.verb} ${info.resource} ${info.name}`)
            return { allowed: user.name === "boss" || info.verb === "get", reason: "" }
          },
        },
      ],
    },
  })
  const as = { "X-Test-User": "boss", "Impersonate-User": "worker" }
  const answer = await http("POST", base, { body: configMap("a"), headers: as })
  assert.equal(answer.status, 403)
  assert.equal(
    answer.json.message,
    'configmaps is forbidden: User "worker" cannot create resource "configmaps" in API group "" in the namespace "default"',
  )
  assert.deepEqual(seen, ["boss impersonate users worker", "worker create configmaps "])
  const refused = await http("GET", base, { headers: { "X-Test-User": "worker", "Impersonate-User": "boss" } })
  assert.equal(refused.status, 403)
  assert.match(refused.json.message, /^users "boss" is forbidden: User "worker" cannot impersonate resource "users"/)
  const anonymous = await http("DELETE", base)
  assert.match(anonymous.json.message, /User "system:anonymous" cannot deletecollection/)
})

test("too many at once are sent away, and a bug is a 500 that the server survives", async (t) => {
  let release: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const { http } = await startTestServer(t, {
    listen: true,
    config: {
      flowControl: { maxReads: 1, maxWrites: 1 },
      routes: [
        {
          path: "/slow",
          handler: async () => {
            await gate
            return { status: 200, headers: {}, body: Buffer.from("done") }
          },
        },
        {
          path: "/bug",
          handler: async () => {
            throw new TypeError("x is not a function")
          },
        },
      ],
    },
  })
  const slow = http("GET", "/slow")
  const others = await waitFor(
    systemClock,
    async () => {
      const answer = await http("GET", "/version")
      return answer.status === 429 ? answer : undefined
    },
    { description: "a refusal", timeoutMs: 60_000 },
  )
  assert.equal(others.headers["retry-after"], "1")
  assert.equal(others.json.reason, "TooManyRequests")
  release()
  assert.equal((await slow).text, "done")
  const bug = await http("GET", "/bug")
  assert.equal(bug.status, 500)
  assert.equal(bug.json.reason, "InternalError")
  assert.equal((await http("GET", "/version")).status, 200)
})

test("a stop lets what is in flight finish, and cuts what takes too long", async (t) => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const { http, server } = await startTestServer(t, {
    listen: true,
    config: {
      routes: gates.map((gate, index) => ({
        path: `/slow${index}`,
        handler: async () => {
          started[index]?.resolve()
          await gate.promise
          return { status: 200, headers: {}, body: Buffer.from("done") }
        },
      })),
    },
  })
  const started = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const first = http("GET", "/slow0")
  const second = http("GET", "/slow1").then(
    () => "answered",
    () => "cut",
  )
  await Promise.all(started.map((one) => one.promise))
  const deadline = new AbortController()
  const stopped = server.stop(deadline.signal)
  gates[0]?.resolve()
  assert.equal((await first).text, "done")
  deadline.abort()
  await stopped
  assert.equal(await second, "cut")
  gates[1]?.resolve()
})

test("the deprecated component statuses are there", async (t) => {
  const { http } = await startTestServer(t, { listen: true })
  const list = await http("GET", "/api/v1/componentstatuses")
  assert.deepEqual(
    list.json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
    ["scheduler", "controller-manager", "etcd-0"],
  )
  const one = await http("GET", "/api/v1/componentstatuses/etcd-0")
  assert.equal(one.json.conditions[0].type, "Healthy")
})
