import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newClient, newHttpsTransport, newInformer, waitForObject } from "@ladya/client"
import { newMemoryStore } from "@ladya/store"
import { systemClock as clock, silentLogger as log, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "../harness.ts"

function configMap(name: string): corev1.ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data: { a: "1" } }
}
const inDefault = { namespace: "default" }
const wait = { timeoutMs: 60_000, intervalMs: 20 }

test("every verb over TLS, errors as the API words them", async (t) => {
  const { url, pki, client: local } = await startTestServer(t, { listen: true })
  await makeNamespace(local, "default")
  const transport = newHttpsTransport({ server: url, ca: pki.ca, userAgent: "test", clock, log })
  t.after(() => transport.close())
  const api = newClient(transport).resource(refs.configmaps)
  const created = await api.create(configMap("a"))
  assert.ok(Object.isFrozen(created.data))
  await assert.rejects(api.create(configMap("a")), (error) => isStatus(error, "AlreadyExists"))
  const updated = await api.update({ ...created, data: { a: "2" } })
  await assert.rejects(api.update({ ...created, data: { a: "3" } }), (error) => isStatus(error, "Conflict"))
  const patched = await api.patch("a", "json", [{ op: "add", path: "/data/b", value: "x" }], inDefault)
  assert.deepEqual(patched.data, { a: "2", b: "x" })
  assert.notEqual(patched.metadata.resourceVersion, updated.metadata.resourceVersion)
  await api.create(configMap("b"), { dryRun: true })
  assert.equal((await api.list(inDefault)).items.length, 1)
  const found = waitForObject(
    { client: newClient(transport), ref: refs.configmaps, ...inDefault, name: "late", clock, timeoutMs: 60_000 },
    (object) => object !== undefined,
  )
  await api.create(configMap("late"))
  assert.equal((await found)?.metadata.name, "late")
  await api.deleteCollection({ ...inDefault, fieldSelector: "metadata.name=late" })
  await api.delete("a", inDefault)
  await assert.rejects(api.get("a", inDefault), (error) => isStatus(error, "NotFound"))
  const version = await transport.raw({ method: "GET", path: "/version" })
  assert.equal(JSON.parse(version.body.toString()).major, "1")
})

test("an informer goes on where it was when the server comes back", async (t) => {
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const first = await startTestServer(t, { store, listen: true })
  await makeNamespace(first.client, "default")
  const transport = newHttpsTransport({ server: first.url, ca: first.pki.ca, userAgent: "test", clock, log })
  t.after(() => transport.close())
  const client = newClient(transport)
  const informer = newInformer({ client, ref: refs.configmaps, clock, log })
  const seen: string[] = []
  informer.addHandler({
    add: (object) => seen.push(`add ${object.metadata.name}`),
    delete: (object) => seen.push(`delete ${object.metadata.name}`),
  })
  await first.client.resource(refs.configmaps).create(configMap("before"))
  await informer.start()
  t.after(() => informer.stop(AbortSignal.abort()))
  await first.server.stop(AbortSignal.timeout(2000))
  const port = Number(new URL(first.url).port)
  const second = await startTestServer(t, {
    store,
    listen: true,
    config: { listen: [{ host: "127.0.0.1", port }] },
  })
  await second.client.resource(refs.configmaps).create(configMap("after"))
  await second.client.resource(refs.configmaps).delete("before", inDefault)
  await waitFor(clock, () => seen.length >= 3, { ...wait, description: "both changes" })
  assert.deepEqual(seen, ["add before", "add after", "delete before"])
  assert.deepEqual(
    informer.list().map((object) => object.metadata.name),
    ["after"],
  )
})
