import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { FakeClock, silentLogger } from "@ladya/util"
import { newClient } from "../new-client.ts"
import { MemoryTransport } from "../testing/memory-transport.ts"
import { newEventRecorder } from "./recorder.ts"

const pod: corev1.Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { namespace: "ns", name: "web", uid: "1", resourceVersion: "5" },
}

function setUp() {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const recorder = newEventRecorder({
    client,
    component: "kubelet",
    host: "node-1",
    clock,
    log: silentLogger,
    random: () => 0.5,
  })
  const events = async (): Promise<corev1.Event[]> =>
    [...(await client.resource(refs.events).list({ namespace: "ns" })).items] as corev1.Event[]
  return { clock, transport, recorder, events }
}

test("an event says what, where and who; a repetition counts", async () => {
  const { clock, recorder, events } = setUp()
  recorder.event(pod, "Warning", "BackOff", "Back-off restarting failed container")
  await recorder.flush()
  await clock.advance(3000)
  recorder.event(pod, "Warning", "BackOff", "Back-off restarting failed container")
  await recorder.flush()
  const [event, ...others] = await events()
  assert.equal(others.length, 0)
  assert.match(event?.metadata.name ?? "", /^web\.[0-9a-f]+$/)
  assert.equal(event?.count, 2)
  assert.equal(event?.type, "Warning")
  assert.deepEqual(event?.source, { component: "kubelet", host: "node-1" })
  assert.equal(event?.involvedObject.uid, "1")
  assert.equal(Date.parse(event?.lastTimestamp ?? "") - Date.parse(event?.firstTimestamp ?? ""), 3000)
})

test("from the tenth that differs in the message alone, they are combined", async () => {
  const { recorder, events } = setUp()
  for (let i = 1; i <= 15; i++) recorder.event(pod, "Normal", "Pulled", `pulled in ${i} ms`)
  await recorder.flush()
  const all = await events()
  assert.equal(all.length, 10)
  const combined = all.find((event) => event.message?.startsWith("(combined from similar events): "))
  assert.equal(combined?.count, 6)
  assert.equal(combined?.message, "(combined from similar events): pulled in 15 ms")
})

test("of one source about one object only 25 in a burst", async () => {
  const { clock, recorder, events } = setUp()
  for (let i = 0; i < 60; i++) recorder.event(pod, "Normal", `Reason${i}`, "said")
  await recorder.flush()
  assert.equal((await events()).length, 25)
  await clock.advance(301_000)
  recorder.event(pod, "Normal", "Later", "said")
  await recorder.flush()
  assert.equal((await events()).length, 26)
})

test("what the API refuses is given up; an API that is away is waited for; an expired event begins anew", async () => {
  const { clock, transport, recorder, events } = setUp()
  let failures = 2
  transport.intercept = () => {
    if (failures-- > 0) throw new Error("connection refused")
  }
  recorder.event(pod, "Normal", "Created", "one")
  await clock.advance(30_000)
  await recorder.flush()
  transport.intercept = undefined
  const [event] = await events()
  assert.equal(event?.reason, "Created")
  await transport.call({
    verb: "deletecollection",
    target: { ...refs.events },
    namespace: "ns",
    parameters: {},
    selection: {},
  })
  recorder.event(pod, "Normal", "Created", "one")
  await recorder.flush()
  assert.equal((await events())[0]?.count, 1)
})

test("events of many objects go side by side, those of one stay in order and are counted up", async () => {
  const { recorder, events } = setUp()
  for (let i = 0; i < 200; i++) {
    const { metadata } = pod
    const one = { ...pod, metadata: { ...metadata, name: `web-${i}`, uid: `${i}` } }
    for (let repetition = 0; repetition < 3; repetition++) recorder.event(one, "Normal", "Scheduled", "assigned")
  }
  await recorder.flush()
  const all = await events()
  assert.equal(all.length, 200)
  assert.deepEqual(new Set(all.map(({ count }) => count)), new Set([3]))
})
