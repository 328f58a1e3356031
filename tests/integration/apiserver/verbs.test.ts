import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { readWatch, startTestServer } from "../harness.ts"

const configMap = (name: string, data: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data,
})

test("create, get, list, update, patch, delete in process", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  const created = await maps.create(configMap("a", { x: "1" }))
  assert.ok(created.metadata.uid)
  assert.ok(created.metadata.resourceVersion)
  assert.ok(Object.isFrozen(created))
  assert.deepEqual(await maps.get("a", { namespace: "default" }), created)
  const updated = await maps.update({ ...created, data: { x: "2" } })
  assert.notEqual(updated.metadata.resourceVersion, created.metadata.resourceVersion)
  await assert.rejects(maps.update({ ...created, data: { x: "3" } }), (error) => isStatus(error, "Conflict"))
  const same = await maps.update(updated)
  assert.equal(
    same.metadata.resourceVersion,
    updated.metadata.resourceVersion,
    "an update that changes nothing is none",
  )
  const patched = await maps.patch("a", "merge", { data: { y: "5" } }, { namespace: "default" })
  assert.deepEqual(patched.data, { x: "2", y: "5" })
  const list = await maps.list({ namespace: "default" })
  assert.deepEqual(list.items, [patched])
  await maps.delete("a", { namespace: "default" })
  await assert.rejects(maps.get("a", { namespace: "default" }), (error) => isStatus(error, "NotFound"))
})

test("the same over HTTPS, with kubectl's content types", async (t) => {
  const { http } = await startTestServer(t, { listen: true })
  const base = "/api/v1/namespaces/default/configmaps"
  const created = await http("POST", base, { body: configMap("b", { x: "1" }) })
  assert.equal(created.status, 201)
  assert.equal(created.json.kind, "ConfigMap")
  assert.equal(created.headers["cache-control"], "no-cache, private")
  assert.match(String(created.headers["audit-id"]), /^[0-9a-f-]{36}$/)
  const got = await http("GET", `${base}/b`)
  assert.equal(got.text, created.text)
  const list = await http("GET", base)
  assert.equal(list.json.kind, "ConfigMapList")
  assert.deepEqual(list.json.items, [got.json])
  const again = await http("POST", base, { body: configMap("b") })
  assert.equal(again.status, 409)
  assert.equal(again.json.message, 'configmaps "b" already exists')
  const patched = await http("PATCH", `${base}/b`, {
    body: [{ op: "replace", path: "/data/x", value: "9" }],
    headers: { "Content-Type": "application/json-patch+json" },
  })
  assert.equal(patched.status, 200)
  assert.equal(patched.json.data.x, "9")
  const yaml = await http("GET", `${base}/b`, { headers: { Accept: "application/yaml" } })
  assert.match(yaml.text, /^kind: ConfigMap$/m)
  const deleted = await http("DELETE", `${base}/b`)
  assert.deepEqual(deleted.json, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: "b", kind: "configmaps", uid: created.json.metadata.uid },
  })
  const gone = await http("GET", `${base}/b`)
  assert.equal(gone.status, 404)
  assert.equal(gone.json.message, 'configmaps "b" not found')
})

test("a watch delivers what happens, in order, in process", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  await maps.create(configMap("before"))
  const stop = new AbortController()
  const seen: string[] = []
  const done = (async () => {
    for await (const event of maps.watch({ namespace: "default", signal: stop.signal })) {
      seen.push(`${event.type} ${event.object.metadata.name}`)
      if (seen.length === 4) stop.abort()
    }
  })()
  const created = await maps.create(configMap("w"))
  await maps.update({ ...created, data: { a: "b" } })
  await maps.delete("w", { namespace: "default" })
  await done
  assert.deepEqual(seen, ["ADDED before", "ADDED w", "MODIFIED w", "DELETED w"])
})

test("who may change leases but not make them makes none by a PUT", async (t) => {
  const { client, clientAs } = await startTestServer(t, {
    config: {
      authorizers: [
        {
          name: "no-creation",
          authorize: ({ user, info }) => ({ allowed: user.name === "admin" || info.verb !== "create", reason: "" }),
        },
      ],
    },
  })
  const lease = { apiVersion: "coordination.k8s.io/v1" as const, kind: "Lease" as const }
  const metadata = { name: "l", namespace: "default" }
  const leases = clientAs({ name: "changer", groups: [] }).resource(refs.leases)
  await assert.rejects(leases.update({ ...lease, metadata }), (error) => isStatus(error, "Forbidden"))
  await client.resource(refs.leases).update({ ...lease, metadata })
  await leases.update({ ...lease, metadata, spec: { holderIdentity: "me" } })
})

test("the deprecated paths of watches are watches", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await server.client.resource(refs.configmaps).create(configMap("a"))
  await server.client.resource(refs.configmaps).create(configMap("b"))
  for (const [path, count] of [
    ["/api/v1/watch/configmaps", 2],
    ["/api/v1/watch/namespaces/default/configmaps", 2],
    ["/api/v1/watch/namespaces/default/configmaps/b", 1],
  ] as const) {
    const events = await readWatch(server, `${path}?resourceVersion=0`, (seen) => seen.length === count)
    assert.equal(events.at(-1)?.object.metadata.name, "b", path)
  }
  assert.equal((await server.http("POST", "/api/v1/watch/namespaces/default/configmaps", { body: {} })).status, 405)
})
