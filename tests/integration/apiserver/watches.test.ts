import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { readWatch, startTestServer, type WatchedEvent } from "../harness.ts"

const place = { namespace: "default" }
const base = "/api/v1/namespaces/default/configmaps"
const configMap = (name: string, labels: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", labels },
})
const brief = (events: readonly WatchedEvent[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata?.name ?? object.message ?? ""}`)

test("a watch from a version sees everything after it, and nothing twice", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const maps = server.client.resource(refs.configmaps)
  const first = await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  await maps.delete("a", place)
  const events = await readWatch(
    server,
    `${base}?watch=1&resourceVersion=${first.metadata.resourceVersion}`,
    (seen) => seen.length === 3,
    () => void maps.create(configMap("c")),
  )
  assert.deepEqual(brief(events), ["ADDED b", "DELETED a", "ADDED c"])
  const versions = events.map(({ object }) => Number(object.metadata.resourceVersion))
  assert.deepEqual(
    versions,
    [...versions].sort((x, y) => x - y),
  )
})

test("objects come into and go out of a selection", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const maps = server.client.resource(refs.configmaps)
  const act = async (): Promise<void> => {
    await maps.create(configMap("a", { on: "no" }))
    await maps.patch("a", "merge", { metadata: { labels: { on: "yes" } } }, place)
    await maps.patch("a", "merge", { data: { x: "1" } }, place)
    await maps.patch("a", "merge", { metadata: { labels: { on: "no" } } }, place)
    await maps.delete("a", place)
    await maps.create(configMap("end", { on: "yes" }))
  }
  const events = await readWatch(
    server,
    `${base}?watch=1&labelSelector=on%3Dyes`,
    (seen) => brief(seen).includes("ADDED end"),
    () => void act(),
  )
  assert.deepEqual(brief(events), ["ADDED a", "MODIFIED a", "DELETED a", "ADDED end"])
})

test("a version the store has forgotten is gone", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const maps = server.client.resource(refs.configmaps)
  await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  await server.store.compact(await server.store.currentRevision())
  const answer = await server.http("GET", `${base}?watch=1&resourceVersion=1`)
  assert.equal(answer.status, 200)
  const { type, object } = answer.json
  assert.deepEqual([type, object.kind, object.reason, object.code], ["ERROR", "Status", "Expired", 410])
  assert.match(object.message, /^too old resource version: 1 \(\d+\)$/)
})

test("what the cache never saw is replayed from the store", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const { store } = server
  const put = (name: string) =>
    store.create(
      `/registry/configmaps/default/${name}`,
      Buffer.from(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"${name}","namespace":"default"}}`),
    )
  await put("x")
  await put("y")
  await put("z")
  const events = await readWatch(server, `${base}?watch=1&resourceVersion=2`, (seen) => seen.length === 2)
  assert.deepEqual(brief(events), ["ADDED y", "ADDED z"])
})

test("a streaming list ends its state with a bookmark that says so", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const maps = server.client.resource(refs.configmaps)
  await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  const query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
  const events = await readWatch(
    server,
    `${base}?${query}`,
    (seen) => seen.length === 4,
    () => void maps.create(configMap("c")),
  )
  assert.deepEqual(brief(events), ["ADDED a", "ADDED b", "BOOKMARK ", "ADDED c"])
  assert.deepEqual(events[2]?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" })
  const wrong = await server.http("GET", `${base}?watch=1&sendInitialEvents=true`)
  assert.equal(wrong.status, 422)
})

test("a watch ends at its time, with a bookmark when asked for", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await server.client.resource(refs.configmaps).create(configMap("a"))
  const events = await readWatch(server, `${base}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true`, () => false)
  assert.deepEqual(brief(events), ["ADDED a", "BOOKMARK "])
})

test("tables and metadata alone can be watched", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await server.client.resource(refs.configmaps).create(configMap("a"))
  const table = await server.http("GET", `${base}?watch=1&timeoutSeconds=1`, {
    headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  })
  const event = JSON.parse(table.text.split("\n")[0] ?? "")
  assert.equal(event.object.kind, "Table")
  assert.equal(event.object.rows[0].cells[0], "a")
  const partial = await server.http("GET", `${base}/a`, {
    headers: { Accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" },
  })
  assert.deepEqual(Object.keys(partial.json), ["kind", "apiVersion", "metadata"])
})

test("many watchers share each event, and a stop ends them all", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const maps = server.client.resource(refs.configmaps)
  let open = 0
  const all = Promise.all(
    Array.from({ length: 40 }, () =>
      readWatch(
        server,
        `${base}?watch=1`,
        (seen) => seen.length === 10,
        () => {
          open++
          if (open === 40) void Promise.all(Array.from({ length: 10 }, (_, i) => maps.create(configMap(`m${i}`))))
        },
      ),
    ),
  )
  for (const events of await all) assert.equal(new Set(brief(events)).size, 10)
})

test("in process a version too old is an error too", async (t) => {
  const { client, store } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  await store.compact(await store.currentRevision())
  const read = async (): Promise<void> => {
    for await (const _ of maps.watch({ ...place, resourceVersion: "1", signal: new AbortController().signal })) return
  }
  await assert.rejects(read(), (error) => isStatus(error, "Expired"))
})
