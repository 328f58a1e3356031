import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newScheduler, parseSchedulerConfiguration } from "@ladya/scheduler"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "./harness.ts"

const namespace = "default"

async function start(t: TestContext, configuration: string) {
  const { client } = await startTestServer(t)
  await makeNamespace(client, namespace)
  for (const name of ["a", "b"]) {
    const status = { allocatable: { cpu: "8", memory: "8Gi", pods: "110", "example.com/slots": "1" } }
    await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name }, status })
  }
  const text = `apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n${configuration}`
  const scheduler = newScheduler({
    client,
    clock: systemClock,
    log: silentLogger,
    random: newRandom(1),
    metrics: new MetricsRegistry(),
    configuration: parseSchedulerConfiguration(text),
  })
  await scheduler.start()
  t.after(() => scheduler.stop(AbortSignal.timeout(2000)))
  const pods = client.resource(refs.pods)
  const place = async (
    name: string,
    spec: Partial<corev1.PodSpec> = {},
    requests: Record<string, string> = { cpu: "1" },
  ) => {
    const containers = [{ name: "main", image: "i:1", resources: { requests, limits: requests } }]
    await pods.create({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec: { containers, ...spec } })
    return waitFor(systemClock, async () => (await pods.get(name, { namespace })).spec?.nodeName, {
      description: `${name} to be placed`,
      timeoutMs: 30_000,
      intervalMs: 10,
    })
  }
  return { client, pods, place }
}

test("pods are placed as the profile they name says, and others are left alone", async (t) => {
  const { client, pods, place } = await start(
    t,
    `
profiles:
  - schedulerName: default-scheduler
  - schedulerName: packing
    plugins: { multiPoint: { disabled: [{ name: NodeResourcesBalancedAllocation }] } }
    pluginConfig: [{ name: NodeResourcesFit, args: { scoringStrategy: { type: MostAllocated } } }]
`,
  )
  const packed = []
  for (const name of ["p1", "p2", "p3"]) packed.push(await place(name, { schedulerName: "packing" }))
  assert.equal(new Set(packed).size, 1, "packing fills one node")
  const other = await place("spread")
  assert.notEqual(other, packed[0], "the default profile takes the emptier node")
  await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "foreign", namespace },
    spec: { schedulerName: "somebody", containers: [{ name: "main", image: "i:1" }] },
  })
  await place("after")
  assert.equal((await pods.get("foreign", { namespace })).spec?.nodeName, undefined)
  const { items } = await client.resource(refs.events).list({ namespace })
  const from = (name: string) => items.find(({ involvedObject }) => involvedObject.name === name)
  assert.equal(from("p1")?.source?.component ?? from("p1")?.reportingComponent, "packing")
})

test("an extender filters, scores and binds the pods that ask for its resource", async (t) => {
  const asked: string[] = []
  let bind: (body: { podName: string; node: string }) => Promise<void> = async () => undefined
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = JSON.parse(Buffer.concat(chunks).toString())
    asked.push(request.url ?? "")
    const answers: Record<string, () => Promise<unknown>> = {
      "/filter": async () => ({ nodenames: ["b"], failedNodes: { a: "no slot left" } }),
      "/prioritize": async () => body.nodenames.map((host: string) => ({ host, score: 10 })),
      "/bind": async () => {
        await bind(body)
        return {}
      },
    }
    response.setHeader("Content-Type", "application/json")
    response.end(JSON.stringify(await answers[request.url ?? ""]?.()))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  t.after(() => server.close())
  const { pods, place } = await start(
    t,
    `
extenders:
  - urlPrefix: http://127.0.0.1:${(server.address() as AddressInfo).port}
    filterVerb: filter
    prioritizeVerb: prioritize
    bindVerb: bind
    weight: 1
    nodeCacheCapable: true
    managedResources: [{ name: example.com/slots, ignoredByScheduler: true }]
`,
  )
  bind = async ({ podName, node }) => {
    const target = { apiVersion: "v1", kind: "Node", name: node }
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: podName, namespace }, target }
    await pods.createSubresource(podName, "binding", binding, { namespace })
  }
  await place("plain")
  assert.deepEqual(asked, [], "pods without the resource are not shown to it")
  assert.equal(await place("slotted", {}, { "example.com/slots": "5" }), "b")
  assert.deepEqual(asked, ["/filter", "/bind"])
})

test("an extender that does not answer: the pod waits and says why, unless it can be ignored", async (t) => {
  const { pods } = await start(t, "extenders: [{ urlPrefix: http://127.0.0.1:9, filterVerb: filter }]")
  await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "waits", namespace },
    spec: { containers: [{ name: "main", image: "i:1" }] },
  })
  const condition = await waitFor(
    systemClock,
    async () =>
      (await pods.get("waits", { namespace })).status?.conditions?.find(({ type }) => type === "PodScheduled"),
    { description: "the reason", timeoutMs: 30_000, intervalMs: 10 },
  )
  assert.equal(condition.reason, "SchedulerError")
  assert.match(condition.message ?? "", /failed http:\/\/127\.0\.0\.1:9\/filter/)
  const ignoring = await start(t, "extenders: [{ urlPrefix: http://127.0.0.1:9, filterVerb: filter, ignorable: true }]")
  assert.ok(await ignoring.place("goes"))
})
