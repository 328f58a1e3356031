import assert from "node:assert/strict"
import { test } from "node:test"
import { type policyv1, refs } from "@ladya/api"
import { findCondition } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["disruption", "deployment", "replicaset"]
const inDefault = { namespace: "default" }

async function start(cluster: TestCluster, spec: policyv1.PodDisruptionBudgetSpec): Promise<void> {
  await cluster.client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name: "web" },
    spec: { replicas: 5, selector: { matchLabels: { app: "web" } }, template: podTemplate({ app: "web" }) },
  })
  await cluster.client.resource(refs.poddisruptionbudgets).create({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { namespace: "default", name: "web" },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  })
}

async function settled(cluster: TestCluster): Promise<policyv1.PodDisruptionBudgetStatus> {
  await cluster.until("five healthy pods", async () => {
    const { status } = await cluster.client.resource(refs.poddisruptionbudgets).get("web", inDefault)
    return status?.currentHealthy === 5
  })
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(600_000), [])
  return (await cluster.client.resource(refs.poddisruptionbudgets).get("web", inDefault)).status ?? {}
}

const cases: { name: string; spec: policyv1.PodDisruptionBudgetSpec; desired: number; allowed: number }[] = [
  { name: "minAvailable as a number", spec: { minAvailable: 4 }, desired: 4, allowed: 1 },
  { name: "minAvailable in per cent, rounded up", spec: { minAvailable: "50%" }, desired: 3, allowed: 2 },
  { name: "maxUnavailable as a number", spec: { maxUnavailable: 2 }, desired: 3, allowed: 2 },
  { name: "maxUnavailable of everything", spec: { maxUnavailable: "100%" }, desired: 0, allowed: 5 },
  { name: "nothing may go", spec: { maxUnavailable: 0 }, desired: 5, allowed: 0 },
]

for (const { name, spec, desired, allowed } of cases) {
  test(`budget: ${name}`, async (context) => {
    const cluster = await startCluster(context, { only })
    await start(cluster, spec)
    const status = await settled(cluster)
    assert.equal(status.desiredHealthy, desired)
    assert.equal(status.disruptionsAllowed, allowed)
    assert.equal(status.expectedPods, 5)
    const condition = findCondition(status.conditions, "DisruptionAllowed")
    assert.equal(condition?.reason, allowed > 0 ? "SufficientPods" : "InsufficientPods")
  })
}

test("bare pods have no scale: a percentage is an error, a number is not", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.poddisruptionbudgets)
  for (const [name, maxUnavailable] of [
    ["percent", "50%"],
    ["number", undefined],
  ] as const) {
    await api.create({
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { namespace: "default", name },
      spec: {
        selector: { matchLabels: { app: "bare" } },
        ...(maxUnavailable ? { maxUnavailable } : { minAvailable: 1 }),
      },
    })
  }
  for (const name of ["a", "b"]) {
    await cluster.client.resource(refs.pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: "default", name, labels: { app: "bare" } },
      spec: podTemplate({}).spec ?? { containers: [] },
    })
  }
  await cluster.until("both healthy", async () => (await api.get("number", inDefault)).status?.currentHealthy === 2)
  assert.equal((await api.get("number", inDefault)).status?.disruptionsAllowed, 1)
  assert.equal((await api.get("percent", inDefault)).status?.disruptionsAllowed, 0)
})
