import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newStatusError } from "@ladya/apimachinery"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, MetricsRegistry, newRandom, settle, silentLogger } from "@ladya/util"
import { newScheduler } from "./scheduler.ts"
import { newNode, newPod } from "./testing/objects.ts"

async function setUp(options: { nodes?: corev1.Node[]; pods?: corev1.Pod[] } = {}) {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const nodes = client.resource(refs.nodes)
  const pods = client.resource(refs.pods)
  for (const node of options.nodes ?? []) await nodes.create(node)
  for (const pod of options.pods ?? []) await pods.create(pod)
  const metrics = new MetricsRegistry()
  const scheduler = newScheduler({ client, clock, log: silentLogger, random: newRandom(1), metrics })
  await scheduler.start()
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    for (let round = 0; round < 200; round++) {
      if (await condition()) return
      await clock.advance(50)
      await settle(10)
    }
    assert.fail("the condition never held")
  }
  const pod = (name: string): Promise<corev1.Pod> => pods.get(name, { namespace: "default" })
  return {
    clock,
    transport,
    client,
    nodes,
    pods,
    metrics,
    pod,
    until,
    bound: (name: string, node?: string) =>
      until(async () => {
        const nodeName = (await pod(name)).spec?.nodeName
        return node ? nodeName === node : Boolean(nodeName)
      }),
    messages: async (reason: string): Promise<string[]> => {
      const { items } = await client.resource(refs.events).list()
      return items.filter((event) => event.reason === reason).map((event) => event.message ?? "")
    },
    stop: () => scheduler.stop(new AbortController().signal),
  }
}

const condition = ({ status }: corev1.Pod) => status?.conditions?.find(({ type }) => type === "PodScheduled")

test("a pod is bound to a node that fits, and an event says so", async () => {
  const s = await setUp({ nodes: [newNode("a"), newNode("b", { unschedulable: true })] })
  await s.pods.create(newPod("p"))
  await s.bound("p", "a")
  await s.until(async () => (await s.messages("Scheduled")).length > 0)
  assert.deepEqual(await s.messages("Scheduled"), ["Successfully assigned default/p to a"])
  await s.stop()
})

test("a pod that fits nowhere says why on every node, and is bound when a node comes", async () => {
  const taints: corev1.Taint[] = [{ key: "k", effect: "NoSchedule" }]
  const s = await setUp({ nodes: [newNode("small", { allocatable: { cpu: "1" } }), newNode("tainted", { taints })] })
  await s.pods.create(newPod("p", { requests: { cpu: "2" } }))
  await s.until(async () => condition(await s.pod("p")) !== undefined)
  const want =
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
  const { status, reason, message } = condition(await s.pod("p")) ?? {}
  assert.deepEqual({ status, reason, message }, { status: "False", reason: "Unschedulable", message: want })
  await s.until(async () => (await s.messages("FailedScheduling")).length > 0)
  assert.deepEqual(await s.messages("FailedScheduling"), [want])
  await s.nodes.create(newNode("large"))
  await s.bound("p", "large")
  await s.stop()
})

test("without nodes a pod waits for the first", async () => {
  const s = await setUp()
  await s.pods.create(newPod("p"))
  await s.until(async () => condition(await s.pod("p"))?.message === "no nodes available to schedule pods")
  await s.nodes.create(newNode("a"))
  await s.bound("p", "a")
  await s.stop()
})

test("a pod that waits for room is bound when another leaves", async () => {
  const s = await setUp({ nodes: [newNode("a")] })
  await s.pods.create(newPod("first", { requests: { cpu: "3" } }))
  await s.bound("first")
  await s.pods.create(newPod("second", { requests: { cpu: "3" } }))
  await s.until(async () => condition(await s.pod("second"))?.reason === "Unschedulable")
  await s.pods.delete("first", { namespace: "default", gracePeriodSeconds: 0 })
  await s.bound("second", "a")
  await s.stop()
})

test("many pods never overbook a node", async () => {
  const nodes = ["a", "b", "c"].map((name) => newNode(name))
  const s = await setUp({ nodes })
  for (let index = 0; index < 14; index++)
    await s.pods.create(newPod(`p${index}`, { requests: { cpu: "1" }, metadata: { uid: `u${index}` } }))
  await s.until(async () => {
    const { items } = await s.pods.list({ namespace: "default" })
    return items.filter(({ spec }) => spec?.nodeName).length === 12
  })
  await s.clock.advance(20_000)
  const { items } = await s.pods.list({ namespace: "default" })
  for (const node of nodes) {
    assert.equal(items.filter(({ spec }) => spec?.nodeName === node.metadata.name).length, 4)
  }
  await s.stop()
})

test("a binding that fails is tried again, and what the pod took is free meanwhile", async () => {
  const s = await setUp({ nodes: [newNode("a")] })
  let failures = 1
  s.transport.intercept = (call) => {
    if (call.verb === "create" && call.subresource === "binding" && failures-- > 0) {
      throw newStatusError("InternalError", "the disk is full")
    }
  }
  await s.pods.create(newPod("p", { requests: { cpu: "3" } }))
  await s.bound("p", "a")
  assert.match(s.metrics.render(), /scheduler_schedule_attempts_total\{result="scheduled".*\} 2/)
  await s.stop()
})

test("a gated pod waits for its gates", async () => {
  const s = await setUp({ nodes: [newNode("a")] })
  await s.pods.create(newPod("p", { spec: { schedulingGates: [{ name: "g" }] } }))
  await s.clock.advance(5000)
  assert.equal((await s.pod("p")).spec?.nodeName, undefined)
  const current = structuredClone(await s.pod("p"))
  if (current.spec) current.spec.schedulingGates = []
  await s.pods.update(current)
  await s.bound("p", "a")
  await s.stop()
})

test("pods of another scheduler are left alone", async () => {
  const s = await setUp({ nodes: [newNode("a")] })
  await s.pods.create(newPod("p", { spec: { schedulerName: "other" } }))
  await s.clock.advance(5000)
  assert.equal((await s.pod("p")).spec?.nodeName, undefined)
  await s.stop()
})

test("a more important pod takes the place of the least important one", async () => {
  const s = await setUp({ nodes: [newNode("a"), newNode("b", { allocatable: { cpu: "1" } })] })
  await s.pods.create(newPod("low", { requests: { cpu: "2" }, spec: { priority: 1 } }))
  await s.bound("low", "a")
  await s.pods.create(newPod("middle", { requests: { cpu: "2" }, spec: { priority: 5 } }))
  await s.bound("middle", "a")
  await s.pods.create(newPod("high", { requests: { cpu: "2" }, spec: { priority: 10 } }))
  await s.until(async () => (await s.pod("high")).status?.nominatedNodeName === "a")
  const low = await s.pod("low")
  assert.ok(low.metadata.deletionTimestamp)
  assert.equal(low.status?.conditions?.find(({ type }) => type === "DisruptionTarget")?.reason, "PreemptionByScheduler")
  assert.equal((await s.pod("middle")).metadata.deletionTimestamp, undefined)
  await s.pods.delete("low", { namespace: "default", gracePeriodSeconds: 0 })
  await s.bound("high", "a")
  await s.stop()
})
