import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newControllers } from "@ladya/controllers"
import { newScheduler } from "@ladya/scheduler"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "./harness.ts"

const namespace = "default"

test("pods get devices by template, wait when there are none left, and free them when they end", async (t) => {
  const { client } = await startTestServer(t)
  await makeNamespace(client, namespace)
  for (const name of ["a", "b"]) {
    const status = { allocatable: { cpu: "4", memory: "8Gi", pods: "110" } }
    await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name }, status })
  }
  const group = "resource.k8s.io/v1" as const
  await client.resource(refs.resourceslices).create({
    apiVersion: group,
    kind: "ResourceSlice",
    metadata: { name: "b-gpus" },
    spec: {
      driver: "gpu.example.com",
      nodeName: "b",
      pool: { name: "b", generation: 1, resourceSliceCount: 1 },
      devices: [{ name: "gpu-0" }],
    },
  })
  await client.resource(refs.deviceclasses).create({
    apiVersion: group,
    kind: "DeviceClass",
    metadata: { name: "gpu" },
    spec: { selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] },
  })
  await client.resource(refs.resourceclaimtemplates).create({
    apiVersion: group,
    kind: "ResourceClaimTemplate",
    metadata: { name: "one-gpu", namespace },
    spec: { spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] } } },
  })
  const shared = { client, clock: systemClock, log: silentLogger, random: newRandom(1) }
  const only = ["resourceclaim", "generic-garbage-collector"]
  const controllers = newControllers({ ...shared, metrics: new MetricsRegistry(), only })
  const scheduler = newScheduler({ ...shared, metrics: new MetricsRegistry() })
  await controllers.start()
  await scheduler.start()
  t.after(async () => {
    await scheduler.stop(AbortSignal.timeout(2000))
    await controllers.stop(AbortSignal.timeout(2000))
  })
  const pods = client.resource(refs.pods)
  const claims = client.resource(refs.resourceclaims)
  const create = (name: string): Promise<corev1.Pod> =>
    pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace },
      spec: {
        containers: [{ name: "main", image: "i:1", resources: { claims: [{ name: "gpu" }] } }],
        resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "one-gpu" }],
      },
    })
  const until = (description: string, condition: () => Promise<unknown>): Promise<unknown> =>
    waitFor(systemClock, condition, { description, timeoutMs: 30_000, intervalMs: 20 })
  const nodeOf = async (name: string) => (await pods.get(name, { namespace })).spec?.nodeName
  await create("first")
  await until("the first pod is placed", () => nodeOf("first"))
  assert.equal(await nodeOf("first"), "b")
  const [claim] = (await claims.list({ namespace })).items
  assert.deepEqual(claim?.status?.allocation?.devices?.results?.[0], {
    request: "gpu",
    driver: "gpu.example.com",
    pool: "b",
    device: "gpu-0",
  })
  assert.equal(claim?.status?.reservedFor?.[0]?.name, "first")
  await create("second")
  await until("the second pod is refused", async () => {
    const { status } = await pods.get("second", { namespace })
    return status?.conditions?.some(({ message }) => message?.includes("cannot allocate all claims"))
  })
  await pods.delete("first", { namespace, gracePeriodSeconds: 0 })
  await until("the second pod is placed", () => nodeOf("second"))
  await until("the first pod's claim is gone", async () => (await claims.list({ namespace })).items.length === 1)
})
