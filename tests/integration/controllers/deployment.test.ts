import assert from "node:assert/strict"
import { test } from "node:test"
import { type appsv1, type corev1, isPodActive, isPodReady, refs } from "@ladya/api"
import { findCondition } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["deployment", "replicaset"]

function deployment(replicas: number, spec: Partial<appsv1.DeploymentSpec> = {}): appsv1.Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "default", name: "web" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: podTemplate({ app: "web" }),
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 2,
      ...spec,
    },
  }
}

const inDefault = { namespace: "default" }

async function get(cluster: TestCluster): Promise<appsv1.Deployment> {
  return cluster.client.resource(refs.deployments).get("web", inDefault)
}

async function replicaSets(cluster: TestCluster): Promise<appsv1.ReplicaSet[]> {
  return (await cluster.client.resource(refs.replicasets).list(inDefault)).items
}

async function pods(cluster: TestCluster): Promise<corev1.Pod[]> {
  return (await cluster.client.resource(refs.pods).list(inDefault)).items
}

function setImage(cluster: TestCluster, image: string): Promise<appsv1.Deployment> {
  const patch = { spec: { template: { spec: { containers: [{ name: "web", image }] } } } }
  return cluster.client.resource(refs.deployments).patch("web", "strategic", patch, inDefault)
}

async function complete(cluster: TestCluster): Promise<void> {
  await cluster.until("the rollout to be complete", async () => {
    const { spec, status, metadata } = await get(cluster)
    const wanted = spec?.replicas ?? 1
    return (
      status?.observedGeneration === metadata.generation &&
      (status?.updatedReplicas ?? 0) === wanted &&
      (status?.replicas ?? 0) === wanted &&
      (status?.availableReplicas ?? 0) === wanted &&
      findCondition(status?.conditions, "Progressing")?.reason === "NewReplicaSetAvailable"
    )
  })
}

test("a Deployment comes up, says so, and nothing is written at rest", async (context) => {
  const cluster = await startCluster(context, { only })
  await cluster.client.resource(refs.deployments).create(deployment(3))
  await complete(cluster)
  const { status, metadata } = await get(cluster)
  assert.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "1")
  assert.equal(findCondition(status?.conditions, "Available")?.reason, "MinimumReplicasAvailable")
  const [replicaSet] = await replicaSets(cluster)
  assert.match(replicaSet?.metadata.name ?? "", /^web-[bcdfghjklmnpqrstvwxz2456789]+$/)
  assert.equal(
    findCondition(status?.conditions, "Progressing")?.message,
    `ReplicaSet "${replicaSet?.metadata.name}" has successfully progressed.`,
  )
  const events = (await cluster.client.resource(refs.events).list(inDefault)).items
  assert.ok(events.some((event) => event.message === `Scaled up replica set ${replicaSet?.metadata.name} from 0 to 3`))
  assert.equal(events.filter((event) => event.reason === "SuccessfulCreate").length, 3)
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
})

test("a rolling update never leaves the limits, and old revisions are forgotten", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => 3000, stopAfterMs: 2000 } })
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } }
  await cluster.client.resource(refs.deployments).create(deployment(6, { strategy }))
  await complete(cluster)
  const broken: string[] = []
  for (const image of ["web:2", "web:3", "web:4", "web:5"]) {
    await setImage(cluster, image)
    await cluster.until("the rollout", async () => {
      const active = (await pods(cluster)).filter(isPodActive)
      const ready = active.filter(isPodReady).length
      if (active.length > 8) broken.push(`${image}: ${active.length} pods`)
      if (ready < 5) broken.push(`${image}: ${ready} ready`)
      const { status, metadata } = await get(cluster)
      return (
        status?.observedGeneration === metadata.generation &&
        status?.updatedReplicas === 6 &&
        status.replicas === 6 &&
        status.availableReplicas === 6
      )
    })
    await cluster.clock.advance(10_000)
  }
  assert.deepEqual(broken, [])
  const all = await replicaSets(cluster)
  assert.equal(all.length, 3)
  assert.equal((await get(cluster)).metadata.annotations?.["deployment.kubernetes.io/revision"], "5")
})

test("going back to an old template takes its ReplicaSet up again with a new revision", async (context) => {
  const cluster = await startCluster(context, { only })
  await cluster.client.resource(refs.deployments).create(deployment(2))
  await complete(cluster)
  await setImage(cluster, "web:2")
  await complete(cluster)
  await setImage(cluster, "web:1")
  await cluster.clock.advance(1000)
  await complete(cluster)
  const all = await replicaSets(cluster)
  assert.equal(all.length, 2)
  const first = all.find((one) => one.spec?.template?.spec?.containers[0]?.image === "web:1")
  assert.equal(first?.spec?.replicas, 2)
  assert.equal(first?.metadata.annotations?.["deployment.kubernetes.io/revision"], "3")
  assert.equal(first?.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1")
})

test("Recreate has no new pod before the last old one is gone", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { stopAfterMs: 30_000 } })
  await cluster.client.resource(refs.deployments).create(deployment(3, { strategy: { type: "Recreate" } }))
  await complete(cluster)
  await setImage(cluster, "web:2")
  await cluster.until("new pods", async () => {
    const images = new Set((await pods(cluster)).map((pod) => pod.spec?.containers[0]?.image))
    assert.ok(images.size <= 1, "old and new pods at the same time")
    return images.has("web:2")
  })
  await complete(cluster)
})

test("a rollout that is stuck is said to be; pausing stops it, scaling works meanwhile", async (context) => {
  const cluster = await startCluster(context, {
    only,
    kubelet: { readyAfterMs: (pod) => (pod.spec?.containers[0]?.image === "broken" ? undefined : 0) },
  })
  const deployments = cluster.client.resource(refs.deployments)
  await deployments.create(deployment(4, { progressDeadlineSeconds: 60 }))
  await complete(cluster)
  await setImage(cluster, "broken")
  await cluster.until("the deadline to be noticed", async () => {
    const progressing = findCondition((await get(cluster)).status?.conditions, "Progressing")
    return progressing?.reason === "ProgressDeadlineExceeded" && progressing.status === "False"
  })
  assert.equal((await pods(cluster)).filter(isPodReady).length, 3)
  assert.equal(findCondition((await get(cluster)).status?.conditions, "Available")?.status, "True")
  await deployments.patch("web", "merge", { spec: { paused: true } }, inDefault)
  await setImage(cluster, "web:3")
  await deployments.patch("web", "merge", { spec: { replicas: 8 } }, inDefault)
  await cluster.clock.advance(60_000)
  const paused = await replicaSets(cluster)
  assert.equal(paused.length, 2)
  // 25 % of surge: ten pods may be there, shared in proportion.
  assert.equal(
    paused.reduce((sum, one) => sum + (one.spec?.replicas ?? 0), 0),
    10,
  )
  await deployments.patch("web", "merge", { spec: { paused: false } }, inDefault)
  await complete(cluster)
  assert.equal((await pods(cluster)).filter(isPodActive).length, 8)
  await deployments.patch("web", "merge", { spec: { replicas: 0 } }, inDefault)
  await complete(cluster)
  await cluster.until("no pods", async () => (await pods(cluster)).length === 0)
})
