import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus, type StatusError } from "@ladya/apimachinery"
import { startTestServer } from "../harness.ts"

const place = { namespace: "default" }
const configMap = (name: string, labels: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", labels },
})
const names = (list: { items: { metadata: { name?: string } }[] }) => list.items.map((item) => item.metadata.name)

test("pages show the state of the first one, whatever happens meanwhile", async (t) => {
  const { client, store } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  for (const name of ["a", "b", "c", "d", "e"]) await maps.create(configMap(name))
  const first = await maps.list({ ...place, limit: 2 })
  assert.deepEqual(names(first), ["a", "b"])
  assert.equal(first.metadata.remainingItemCount, 3)
  await maps.delete("d", place)
  await maps.create(configMap("bb"))
  const token = first.metadata.continue ?? ""
  const second = await maps.list({ ...place, limit: 2, continue: token })
  assert.deepEqual(names(second), ["c", "d"])
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion)
  const third = await maps.list({ ...place, limit: 2, continue: second.metadata.continue ?? "" })
  assert.deepEqual(names(third), ["e"])
  assert.equal(third.metadata.continue, undefined)
  await store.compact(await store.currentRevision())
  const error = await maps.list({ ...place, limit: 2, continue: token }).then(
    () => assert.fail("a compacted token must not be taken"),
    (reason: unknown) => reason,
  )
  assert.ok(isStatus(error, "Expired"))
  const { continue: inconsistent } = (error as StatusError).status.metadata ?? {}
  const rest = await maps.list({ ...place, continue: inconsistent ?? "" })
  assert.deepEqual(names(rest), ["bb", "c", "e"])
})

test("a forgotten state is refused, though this resource be unchanged since", async (t) => {
  const { client, store } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  for (const name of ["a", "b", "c"]) await maps.create(configMap(name))
  const first = await maps.list({ ...place, limit: 1 })
  await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } })
  const next = { ...place, limit: 1, continue: first.metadata.continue ?? "" }
  assert.deepEqual(names(await maps.list(next)), ["b"])
  await store.compact(await store.currentRevision())
  await assert.rejects(maps.list(next), (error) => isStatus(error, "Expired"))
})

test("selectors: labels, fields, and both", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  await maps.create(configMap("a", { app: "x", tier: "1" }))
  await maps.create(configMap("b", { app: "x", tier: "2" }))
  await maps.create(configMap("c", { app: "y" }))
  const list = async (labelSelector?: string, fieldSelector?: string) =>
    names(
      await maps.list({
        ...place,
        ...(labelSelector ? { labelSelector } : {}),
        ...(fieldSelector ? { fieldSelector } : {}),
      }),
    )
  assert.deepEqual(await list("app=x"), ["a", "b"])
  assert.deepEqual(await list("app=x,tier!=1"), ["b"])
  assert.deepEqual(await list("tier"), ["a", "b"])
  assert.deepEqual(await list("app in (x,y),!tier"), ["c"])
  assert.deepEqual(await list(undefined, "metadata.name=b"), ["b"])
  assert.deepEqual(await list(undefined, "metadata.name!=b"), ["a", "c"])
  assert.deepEqual(await list("app=y", "metadata.name=b"), [])
  await assert.rejects(list("a b"), (error) => isStatus(error, "BadRequest"))
  await assert.rejects(list(undefined, "spec.x=1"), (error) => {
    assert.ok(isStatus(error, "BadRequest"))
    assert.match(error.message, /"spec.x" is not a known field selector/)
    return true
  })
  await maps.patch("a", "merge", { metadata: { labels: { app: "y" } } }, place)
  assert.deepEqual(await list("app=x"), ["b"])
  assert.deepEqual(await list("app=y"), ["a", "c"])
  await maps.delete("c", place)
  assert.deepEqual(await list("app=y"), ["a"])
})

test("versions: exact ones, those not older, those to come, nonsense", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  const a = await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  const version = a.metadata.resourceVersion ?? ""
  const exact = await maps.list({ ...place, resourceVersion: version, resourceVersionMatch: "Exact" })
  assert.deepEqual(names(exact), ["a"])
  assert.equal(exact.metadata.resourceVersion, version)
  const newer = await maps.list({ ...place, resourceVersion: version, resourceVersionMatch: "NotOlderThan" })
  assert.deepEqual(names(newer), ["a", "b"])
  assert.deepEqual(names(await maps.list({ ...place, resourceVersion: "0" })), ["a", "b"])
  await assert.rejects(maps.list({ ...place, resourceVersion: "1000000" }), (error) => {
    assert.ok(isStatus(error, "Timeout"))
    assert.match(error.message, /^Too large resource version: 1000000, current: \d+$/)
    return true
  })
  await assert.rejects(maps.list({ ...place, resourceVersion: "abc" }), (error) => isStatus(error, "Invalid"))
  await assert.rejects(maps.list({ ...place, resourceVersionMatch: "Exact" }), (error) => isStatus(error, "Invalid"))
})

test("all namespaces, one, and deletecollection", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  await maps.create(configMap("a", { go: "1" }))
  await maps.create(configMap("b"))
  await maps.create({ ...configMap("a"), metadata: { name: "a", namespace: "default2" } })
  assert.deepEqual(names(await maps.list()), ["a", "b", "a"])
  await maps.deleteCollection({ ...place, labelSelector: "go=1" })
  assert.deepEqual(names(await maps.list(place)), ["b"])
  await maps.deleteCollection(place)
  assert.deepEqual(names(await maps.list()), ["a"])
})
