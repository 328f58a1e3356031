import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { startTestServer } from "../harness.ts"

const pod = (name: string): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: { containers: [{ name: "c", image: "busybox" }] },
})

test("a binding assigns a pod once", async (t) => {
  const { client } = await startTestServer(t)
  const pods = client.resource(refs.pods)
  await pods.create(pod("p"))
  const binding: corev1.Binding = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: "p", namespace: "default", annotations: { a: "b" } },
    target: { kind: "Node", name: "n1" },
  }
  await pods.createSubresource("p", "binding", binding, { namespace: "default" })
  const bound = await pods.get("p", { namespace: "default" })
  assert.equal(bound.spec?.nodeName, "n1")
  assert.equal(bound.metadata.annotations?.["a"], "b")
  assert.equal(bound.status?.conditions?.find((condition) => condition.type === "PodScheduled")?.status, "True")
  await assert.rejects(pods.createSubresource("p", "binding", binding, { namespace: "default" }), (error) => {
    assert.ok(isStatus(error, "Conflict"))
    assert.match(error.message, /pod p is already assigned to node "n1"$/)
    return true
  })
})

test("deleting a pod: at once without a node, with grace on one, by force", async (t) => {
  const { client } = await startTestServer(t)
  const pods = client.resource(refs.pods)
  const place = { namespace: "default" }
  await pods.create(pod("free"))
  await pods.delete("free", place)
  await assert.rejects(pods.get("free", place), (error) => isStatus(error, "NotFound"))
  const placed = pod("placed")
  await pods.create({ ...placed, spec: { ...(placed.spec as corev1.PodSpec), nodeName: "n" } })
  await pods.delete("placed", place)
  const going = await pods.get("placed", place)
  assert.equal(going.metadata.deletionGracePeriodSeconds, 30)
  assert.ok(going.metadata.deletionTimestamp)
  await pods.delete("placed", { ...place, gracePeriodSeconds: 5 })
  assert.equal((await pods.get("placed", place)).metadata.deletionGracePeriodSeconds, 5)
  await assert.rejects(pods.delete("placed", { ...place, preconditions: { uid: "other" } }), (error) =>
    isStatus(error, "Conflict"),
  )
  await pods.delete("placed", { ...place, gracePeriodSeconds: 0 })
  await assert.rejects(pods.get("placed", place), (error) => isStatus(error, "NotFound"))
})

test("finalizers hold an object up until they are gone", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  const place = { namespace: "default" }
  await maps.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "f", namespace: "default", finalizers: ["example.com/hold"] },
  })
  await maps.delete("f", place)
  const held = await maps.get("f", place)
  assert.ok(held.metadata.deletionTimestamp)
  await assert.rejects(
    maps.patch("f", "merge", { metadata: { finalizers: ["example.com/hold", "example.com/more"] } }, place),
    (error) => isStatus(error, "Invalid") && /no new finalizers can be added/.test(error.message),
  )
  await maps.patch("f", "merge", { metadata: { finalizers: null } }, place)
  await assert.rejects(maps.get("f", place), (error) => isStatus(error, "NotFound"))
  await maps.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "g", namespace: "default" } })
  await maps.delete("g", { ...place, propagationPolicy: "Foreground" })
  assert.deepEqual((await maps.get("g", place)).metadata.finalizers, ["foregroundDeletion"])
})

test("status is written apart from the spec", async (t) => {
  const { client } = await startTestServer(t)
  const pods = client.resource(refs.pods)
  const created = await pods.create(pod("s"))
  const withStatus = await pods.updateStatus({ ...created, status: { phase: "Running" } })
  assert.equal(withStatus.status?.phase, "Running")
  const back = await pods.update({ ...withStatus, status: { phase: "Failed" } })
  assert.equal(back.status?.phase, "Running")
})

test("generated names, and no two the same", async (t) => {
  const { client } = await startTestServer(t)
  const maps = client.resource(refs.configmaps)
  const make = () =>
    maps.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "x-", namespace: "default" } })
  const made = await Promise.all(Array.from({ length: 50 }, make))
  const names = new Set(made.map((object) => object.metadata.name))
  assert.equal(names.size, 50)
  for (const name of names) assert.match(name ?? "", /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})
