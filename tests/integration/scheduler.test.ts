import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newScheduler } from "@ladya/scheduler"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "./harness.ts"

async function setUp(t: TestContext, nodes: Record<string, Record<string, string>>) {
  const { client } = await startTestServer(t)
  await makeNamespace(client, "default")
  for (const [name, allocatable] of Object.entries(nodes)) {
    await client.resource(refs.nodes).create({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "110", ...allocatable } },
    })
  }
  const scheduler = newScheduler({
    client,
    clock: systemClock,
    log: silentLogger,
    random: newRandom(1),
    metrics: new MetricsRegistry(),
  })
  await scheduler.start()
  t.after(() => scheduler.stop(AbortSignal.timeout(2000)))
  const pods = client.resource(refs.pods)
  const create = (name: string, cpu: string): Promise<corev1.Pod> =>
    pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: { containers: [{ name: "c", image: "i:1", resources: { requests: { cpu } } }] },
    })
  const until = (description: string, condition: () => Promise<boolean>): Promise<boolean> =>
    waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 20 })
  return { client, pods, create, until }
}

test("pods are spread over the nodes, and events say where they went", async (t) => {
  const { client, pods, create, until } = await setUp(t, { a: {}, b: {} })
  for (let index = 0; index < 8; index++) await create(`p${index}`, "1")
  const all = async (): Promise<corev1.Pod[]> => (await pods.list({ namespace: "default" })).items
  await until("all pods are bound", async () => (await all()).every(({ spec }) => spec?.nodeName))
  const perNode = Object.groupBy(await all(), ({ spec }) => spec?.nodeName ?? "")
  assert.deepEqual([perNode["a"]?.length, perNode["b"]?.length], [4, 4])
  const [first] = await all()
  assert.equal(first?.status?.conditions?.find(({ type }) => type === "PodScheduled")?.status, "True")
  await until("an event for each pod", async () => {
    const { items } = await client.resource(refs.events).list({ namespace: "default" })
    return items.filter(({ reason }) => reason === "Scheduled").length === 8
  })
})

test("a pod that fits nowhere says why, by condition and event, and goes when there is room", async (t) => {
  const { client, pods, create, until } = await setUp(t, { a: { cpu: "1" }, b: { cpu: "2" } })
  await create("large", "3")
  const condition = async (): Promise<corev1.PodCondition | undefined> =>
    (await pods.get("large", { namespace: "default" })).status?.conditions?.find(({ type }) => type === "PodScheduled")
  await until("the condition is there", async () => (await condition()) !== undefined)
  const { status, reason, message } = (await condition()) ?? {}
  assert.deepEqual([status, reason], ["False", "Unschedulable"])
  assert.match(message ?? "", /^0\/2 nodes are available: 2 Insufficient cpu\./)
  await until("the event is there", async () => {
    const { items } = await client.resource(refs.events).list({ namespace: "default" })
    return items.some((event) => event.reason === "FailedScheduling" && event.message === message)
  })
  const nodes = client.resource(refs.nodes)
  await nodes.patch("b", "merge", { status: { allocatable: { cpu: "4" } } }, { subresource: "status" })
  await until("the pod is bound", async () => {
    return (await pods.get("large", { namespace: "default" })).spec?.nodeName === "b"
  })
})
