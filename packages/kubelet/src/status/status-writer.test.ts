import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newStatusError } from "@ladya/apimachinery"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, silentLogger } from "@ladya/util"
import { testPod } from "../testing/pods.ts"
import { newStatusWriter, statusPatch } from "./status-writer.ts"

async function setUp() {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const pods = client.resource(refs.pods)
  const created = await pods.create(testPod(["a"]))
  const writer = newStatusWriter({ client, clock, log: silentLogger })
  const uid = created.metadata.uid ?? ""
  const stored = async (): Promise<corev1.PodStatus | undefined> => (await pods.get("p", { namespace: "ns" })).status
  return { clock, transport, pods, created, writer, uid, stored }
}

const running: corev1.PodStatus = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }

test("a patch holds what differs, takes away what is gone, and leaves others' conditions", () => {
  assert.equal(statusPatch(running, running), undefined)
  assert.deepEqual(statusPatch(running, { phase: "Pending", conditions: running.conditions ?? [] }), {
    phase: "Running",
  })
  assert.deepEqual(statusPatch(running, { ...running, podIP: "1.2.3.4" }), { podIP: null })
  const gate = { type: "gate", status: "True" }
  assert.deepEqual(statusPatch(running, { phase: "Running", conditions: [gate] }), {
    conditions: [{ type: "Ready", status: "True" }, gate],
  })
})

test("what is set is written once; the same again is not", async () => {
  const { transport, created, writer, uid, stored } = await setUp()
  writer.set(created, running)
  await writer.flushed(uid)
  assert.equal((await stored())?.phase, "Running")
  const writes = transport.writes.length
  writer.set(created, { ...running })
  await writer.flushed(uid)
  assert.equal(transport.writes.length, writes)
  assert.equal(writer.current(created).phase, "Running")
})

test("of several statuses that wait, the last is written", async () => {
  const { transport, created, writer, uid, stored } = await setUp()
  for (const phase of ["Pending", "Running", "Succeeded"]) writer.set(created, { phase })
  await writer.flushed(uid)
  assert.equal((await stored())?.phase, "Succeeded")
  assert.ok(transport.writes.filter((write) => write.startsWith("patch")).length <= 2)
})

test("when the API fails, it is tried again; a conflict is looked into", async () => {
  const { clock, transport, created, pods, writer, uid, stored } = await setUp()
  let failures = 3
  transport.intercept = (call) => {
    if (call.verb === "patch" && failures-- > 0) throw new Error("connection refused")
  }
  writer.set(created, running)
  await clock.advance(5_000)
  await writer.flushed(uid)
  assert.equal((await stored())?.phase, "Running")
  let conflicts = 1
  transport.intercept = (call) => {
    if (call.verb === "patch" && conflicts-- > 0) throw newStatusError("Conflict", "changed")
  }
  const gate = { type: "gate", status: "True" }
  await pods.updateStatus({ ...(await pods.get("p", { namespace: "ns" })), status: { ...running, conditions: [gate] } })
  writer.set(created, { ...running, phase: "Failed" })
  await writer.flushed(uid)
  const status = await stored()
  assert.equal(status?.phase, "Failed")
  assert.deepEqual(status?.conditions, [{ type: "Ready", status: "True" }, gate])
})

test("a pod that is gone, or another of its name, is left alone", async () => {
  const { created, pods, writer, uid, stored } = await setUp()
  await pods.delete("p", { namespace: "ns" })
  writer.set(created, running)
  await writer.flushed(uid)
  await pods.create(testPod(["other"]))
  await writer.finalize(created)
  assert.equal(await stored(), undefined)
  assert.equal((await pods.get("p", { namespace: "ns" })).spec?.containers[0]?.name, "other")
})
