import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeClock } from "@ladya/util"
import type { ClusterEvent } from "../framework/cluster-event.ts"
import type { Plugin } from "../framework/plugin.ts"
import { newPrioritySort } from "../plugins/priority-sort/index.ts"
import { newSchedulingGates } from "../plugins/scheduling-gates/index.ts"
import { podInfo } from "../testing/objects.ts"
import { SchedulingQueue } from "./scheduling-queue.ts"

const picky: Plugin = {
  name: "Picky",
  interests: [
    {
      resource: "Node",
      actions: ["Add"],
      hint: (_, { object }) => (object?.metadata.name === "good" ? "queue" : "skip"),
    },
  ],
}

function setUp() {
  const clock = new FakeClock()
  const sort = newPrioritySort()
  let ready = 0
  const queue = new SchedulingQueue({
    clock,
    compare: (a, b) => sort.compare?.(a, b) ?? 0,
    plugins: [newSchedulingGates(), picky],
    initialBackoffMs: 1000,
    maxBackoffMs: 10_000,
    flushAfterMs: 300_000,
    onReady: () => ready++,
  })
  const pop = (): string | undefined => queue.pop()?.info.pod.metadata.name
  return { clock, queue, pop, ready: () => ready }
}

const nodeAdded = (name: string): ClusterEvent => ({
  resource: "Node",
  actions: ["Add"],
  object: { apiVersion: "v1", kind: "Node", metadata: { name } },
})

test("the more important pod first, then who came first", async () => {
  const { clock, queue, pop } = setUp()
  queue.add(podInfo("first"))
  await clock.advance(1)
  queue.add(podInfo("second"))
  queue.add(podInfo("urgent", { spec: { priority: 10 } }))
  assert.deepEqual([pop(), pop(), pop(), pop()], ["urgent", "first", "second", undefined])
})

test("a gated pod waits until its gates are gone", () => {
  const { queue, pop } = setUp()
  queue.add(podInfo("p", { spec: { schedulingGates: [{ name: "g" }] } }))
  assert.equal(pop(), undefined)
  assert.equal(queue.depth.gated, 1)
  queue.update(podInfo("p"), { resource: "Pod", actions: ["UpdateSchedulingGates"] })
  assert.equal(pop(), "p")
})

test("only an event that the refusing plugin cares about brings a pod back", async () => {
  const { clock, queue, pop } = setUp()
  queue.add(podInfo("p"))
  const pod = queue.pop()
  assert.ok(pod)
  queue.addUnschedulable(pod, new Set(["Picky"]))
  await clock.advance(5000)
  queue.onEvent(nodeAdded("bad"))
  queue.onEvent({ resource: "AssignedPod", actions: ["Delete"] })
  assert.equal(pop(), undefined)
  queue.onEvent(nodeAdded("good"))
  assert.equal(pop(), "p")
})

test("an event during the back-off: the pod is taken early when nothing else is ready", () => {
  const { queue, pop } = setUp()
  queue.add(podInfo("p"))
  const pod = queue.pop()
  assert.ok(pod)
  queue.addUnschedulable(pod, new Set(["Picky"]))
  queue.onEvent(nodeAdded("good"))
  assert.equal(queue.depth.backoff, 1)
  queue.add(podInfo("q"))
  assert.deepEqual([pop(), pop()], ["q", "p"])
})

test("after errors the back-off grows from 1 to 10 seconds and is kept", async () => {
  const { clock, queue } = setUp()
  queue.add(podInfo("p"))
  const waits: number[] = []
  for (let round = 0; round < 6; round++) {
    const pod = queue.pop()
    assert.ok(pod)
    queue.addAfterError(pod)
    const before = clock.now()
    while (queue.depth.active === 0) await clock.advance(500)
    waits.push(clock.now() - before)
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 10_000, 10_000])
})

test("a pod that no event brings back is tried again after five minutes", async () => {
  const { clock, queue, pop } = setUp()
  queue.add(podInfo("p"))
  const pod = queue.pop()
  assert.ok(pod)
  queue.addUnschedulable(pod, new Set(["Picky"]))
  await clock.advance(299_000)
  assert.equal(pop(), undefined)
  await clock.advance(31_000)
  assert.equal(pop(), "p")
  assert.equal(clock.waiting, 0)
})

test("a deleted pod is nowhere", async () => {
  const { clock, queue, pop } = setUp()
  queue.add(podInfo("p"))
  queue.delete("uid-p")
  assert.equal(pop(), undefined)
  queue.add(podInfo("q"))
  const pod = queue.pop()
  assert.ok(pod)
  queue.addUnschedulable(pod, new Set(["Picky"]))
  queue.delete("uid-q")
  await clock.advance(10_000)
  queue.onEvent(nodeAdded("good"))
  assert.equal(pop(), undefined)
})
