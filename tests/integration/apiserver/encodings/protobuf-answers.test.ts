import assert from "node:assert/strict"
import { test } from "node:test"
import { gunzipSync } from "node:zlib"
import { type corev1, kinds, refs } from "@ladya/api"
import { makeNamespace, startTestServer } from "../../harness.ts"
import { both, call, decode, encode, protobuf, watch } from "./protobuf-client.ts"

const maps = "/api/v1/namespaces/default/configmaps"
const configMap = (name: string, data?: Record<string, string>): corev1.ConfigMap => ({
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { name },
  ...(data ? { data } : {}),
})

/** The same through both forms, but for what only one of them has. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test("every verb takes and gives protobuf", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const created = await call(server, "POST", maps, { body: configMap("a", { key: "value" }) })
  assert.equal(created.status, 201)
  assert.deepEqual(created.object.data, { key: "value" })
  const json = await server.http("GET", `${maps}/a`)
  assert.deepEqual(created.object, json.json)
  assert.deepEqual((await call(server, "GET", `${maps}/a`)).object, json.json)

  const updated = await call(server, "PUT", `${maps}/a`, { body: { ...created.object, data: { key: "other" } } })
  assert.equal(updated.object.data.key, "other")
  const patched = await server.http("PATCH", `${maps}/a`, {
    body: { data: { more: "x" } },
    headers: { Accept: protobuf, "Content-Type": "application/merge-patch+json" },
  })
  assert.deepEqual(decode(patched.bytes).data, { key: "other", more: "x" })
  const applied = await server.http("PATCH", `${maps}/b?fieldManager=m`, {
    body: configMap("b", { by: "apply" }),
    headers: { Accept: protobuf, "Content-Type": "application/apply-patch+yaml" },
  })
  assert.equal(applied.status, 201)
  assert.deepEqual(decode(applied.bytes).metadata.managedFields[0].fieldsV1, { "f:data": { "f:by": {} } })

  const options = { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid: created.object.metadata.uid } }
  const deleted = await call(server, "DELETE", `${maps}/a`, { body: options })
  assert.equal(deleted.object.kind, "Status")
  assert.equal(deleted.object.status, "Success")
  assert.equal(deleted.object.details.uid, created.object.metadata.uid)
  const gone = await call(server, "DELETE", maps, { body: { kind: "DeleteOptions", apiVersion: "v1" } })
  assert.equal(gone.status, 200)
  const refused = await call(server, "GET", `${maps}/a`)
  assert.equal(refused.status, 404)
  assert.equal(refused.object.message, 'configmaps "a" not found')
  assert.equal(refused.object.reason, "NotFound")
})

test("lists in protobuf hold what lists in JSON hold", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const empty = await call(server, "GET", maps)
  assert.equal(empty.object.kind, "ConfigMapList")
  for (let index = 0; index < 130; index++) {
    const object = configMap(`m${String(index).padStart(3, "0")}`, { i: String(index) })
    await server.client.resource(refs.configmaps).create({
      ...object,
      metadata: { ...object.metadata, namespace: "default", labels: { odd: String(index % 2) } },
    })
  }
  const same = async (query: string): Promise<void> => {
    const json = (await server.http("GET", `${maps}${query}`)).json
    const { object } = await call(server, "GET", `${maps}${query}`)
    // JSON leaves kind and apiVersion of items to the list too, but repeats them here.
    for (const item of json.items) {
      delete item.kind
      delete item.apiVersion
    }
    assert.deepEqual(object, json)
  }
  await same("")
  await same("?limit=40")
  await same("?labelSelector=odd%3D1")
  const page = await call(server, "GET", `${maps}?limit=100`)
  assert.equal(page.object.metadata.remainingItemCount, 30)
  await same(`?limit=100&continue=${page.object.metadata.continue}`)
  await server.client.resource(refs.configmaps).delete("m005", { namespace: "default" })
  await same("")

  const compressed = await server.http("GET", maps, { headers: { Accept: protobuf, "Accept-Encoding": "gzip" } })
  assert.equal(compressed.headers["content-encoding"], compressed.bytes[0] === 0x1f ? "gzip" : undefined)
  const big = configMap("big", { text: "x".repeat(200_000) })
  await server.http("POST", maps, { body: big })
  const large = await server.http("GET", `${maps}/big`, { headers: { Accept: protobuf, "Accept-Encoding": "gzip" } })
  assert.equal(large.headers["content-encoding"], "gzip")
  assert.equal(decode(gunzipSync(large.bytes)).data.text.length, 200_000)
})

test("metadata alone, and tables, which have no protobuf form", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  await server.http("POST", maps, { body: configMap("a", { key: "value" }) })
  const as = (kind: string): string => `${protobuf};as=${kind};g=meta.k8s.io;v=v1`
  const one = await call(server, "GET", `${maps}/a`, { accept: `${as("PartialObjectMetadata")},${protobuf}` })
  assert.equal(one.object.kind, "PartialObjectMetadata")
  assert.equal(one.object.apiVersion, "meta.k8s.io/v1")
  assert.equal(one.object.metadata.name, "a")
  const list = await call(server, "GET", maps, { accept: as("PartialObjectMetadataList") })
  assert.equal(list.object.kind, "PartialObjectMetadataList")
  assert.deepEqual(
    list.object.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ["a"],
  )
  const table = await server.http("GET", maps, {
    headers: { Accept: `${as("Table")},application/json;as=Table;g=meta.k8s.io;v=v1,application/json` },
  })
  assert.equal(table.json.kind, "Table")
  const none = await server.http("GET", maps, { headers: { Accept: as("Table") } })
  assert.equal(none.status, 406)
  assert.equal(
    none.json.message,
    "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  )
})

test("a watch in protobuf is framed by lengths, bookmarks included", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const client = server.client.resource(refs.configmaps)
  const at = { namespace: "default" }
  const object = configMap("a")
  const first = await client.create({ ...object, metadata: { ...object.metadata, ...at } })
  const query = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
  const act = async (): Promise<void> => {
    await client.patch("a", "merge", { data: { x: "1" } }, at)
    await client.delete("a", at)
  }
  const { events, contentType } = await watch(server, `${maps}?${query}`, (seen) => seen.length >= 4, {
    act: () => void act(),
  })
  assert.equal(contentType, `${protobuf};stream=watch`)
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name ?? ""} ${object.data?.x ?? ""}`),
    ["ADDED ConfigMap a ", "BOOKMARK ConfigMap  ", "MODIFIED ConfigMap a 1", "DELETED ConfigMap a 1"],
  )
  assert.equal(events[1]?.object.metadata.annotations["k8s.io/initial-events-end"], "true")
  assert.deepEqual(events[0]?.object, plain(first))

  const second = await client.create({ ...object, metadata: { ...object.metadata, ...at } })
  const metadata = await watch(server, `${maps}?watch=1&resourceVersion=0`, (seen) => seen.length === 1, {
    accept: `${protobuf};stream=watch;as=PartialObjectMetadata;g=meta.k8s.io;v=v1`,
  })
  assert.equal(metadata.events[0]?.object.kind, "PartialObjectMetadata")
  assert.equal(metadata.events[0]?.object.metadata.uid, second.metadata.uid)
})

test("subresources and reviews in protobuf", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const labels = { app: "a" }
  const deployment = {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "d" },
    spec: {
      selector: { matchLabels: labels },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: "10%" } },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "c", image: "busybox", resources: { limits: { cpu: "1500m" } } }] },
      },
    },
  }
  const base = "/apis/apps/v1/namespaces/default/deployments"
  const created = await call(server, "POST", base, { body: deployment })
  assert.equal(created.object.spec.template.spec.containers[0].resources.limits.cpu, "1500m")
  assert.deepEqual(created.object.spec.strategy.rollingUpdate, { maxSurge: 1, maxUnavailable: "10%" })
  assert.equal(created.object.spec.replicas, 1)
  const scale = await call(server, "GET", `${base}/d/scale`)
  assert.equal(scale.object.kind, "Scale")
  const scaled = await call(server, "PUT", `${base}/d/scale`, { body: { ...scale.object, spec: { replicas: 3 } } })
  assert.equal(scaled.object.spec.replicas, 3)

  const pods = "/api/v1/namespaces/default/pods"
  const pod = {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "b" }] },
  }
  await call(server, "POST", pods, { body: pod })
  const binding = { kind: "Binding", apiVersion: "v1", metadata: { name: "p" }, target: { kind: "Node", name: "n" } }
  assert.equal((await call(server, "POST", `${pods}/p/binding`, { body: binding })).object.status, "Success")
  const eviction = { kind: "Eviction", apiVersion: "policy/v1", metadata: { name: "p" } }
  assert.equal((await call(server, "POST", `${pods}/p/eviction`, { body: eviction })).object.status, "Success")

  const invalid = await call(server, "POST", pods, { body: { ...pod, metadata: { name: "-" } } as never })
  assert.equal(invalid.status, 422)
  assert.equal(invalid.object.details.causes[0].field, "metadata.name")
})

test("every built-in kind that can be listed is listed in protobuf", async (t) => {
  const server = await startTestServer(t, { listen: true })
  for (const kind of kinds) {
    if (!kind.verbs.includes("list")) continue
    const path = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
    const { status, object } = await call(server, "GET", `${path}/${kind.resource}`)
    assert.equal(status, 200, kind.resource)
    assert.equal(object.kind, `${kind.kind}List`)
  }
})

test("custom resources have no protobuf form, their metadata has", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const definition = {
    kind: "CustomResourceDefinition",
    apiVersion: "apiextensions.k8s.io/v1",
    metadata: { name: "tabs.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "tabs", kind: "Tab" },
      versions: [
        {
          ...{ name: "v1", served: true, storage: true },
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: {
                spec: {
                  type: "object",
                  properties: { size: { type: "integer", minimum: 0, default: 5, enum: [5, 6] } },
                  "x-kubernetes-preserve-unknown-fields": true,
                },
              },
            },
          },
        },
      ],
    },
  }
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  const created = await call(server, "POST", definitions, { body: definition })
  assert.deepEqual(
    created.object.spec.versions[0].schema.openAPIV3Schema,
    definition.spec.versions[0]?.schema.openAPIV3Schema,
  )
  const base = "/apis/example.com/v1/namespaces/default/tabs"
  const tab = { kind: "Tab", apiVersion: "example.com/v1", metadata: { name: "t" }, spec: { size: 6 } }
  let made = await server.http("POST", base, { body: tab })
  for (let attempt = 0; made.status === 404 && attempt < 500; attempt++) {
    made = await server.http("POST", base, { body: tab })
  }
  assert.equal(made.status, 201, made.text)
  const only = await server.http("GET", `${base}/t`, { headers: { Accept: protobuf } })
  assert.equal(only.status, 406)
  const either = await server.http("GET", `${base}/t`, { headers: { Accept: both } })
  assert.equal(either.headers["content-type"], "application/json")
  const metadata = await call(server, "GET", base, {
    accept: `${protobuf};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`,
  })
  assert.equal(metadata.object.items[0].metadata.name, "t")
  const body = await server.http("POST", base, {
    body: encode(configMap("t")),
    headers: { "Content-Type": protobuf, Accept: both },
  })
  assert.equal(body.status, 415)
  assert.equal(decode(body.bytes).reason, "UnsupportedMediaType")
})
