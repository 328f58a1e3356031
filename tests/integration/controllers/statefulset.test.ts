import assert from "node:assert/strict"
import { test } from "node:test"
import { type appsv1, type corev1, isPodReady, refs } from "@ladya/api"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["statefulset", "generic-garbage-collector"]
const inDefault = { namespace: "default" }

function statefulSet(spec: Partial<appsv1.StatefulSetSpec> = {}): appsv1.StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { namespace: "default", name: "db" },
    spec: {
      replicas: 3,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: podTemplate({ app: "db" }),
      ...spec,
    },
  }
}

const volumeClaimTemplates: corev1.PersistentVolumeClaim[] = [
  {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
]

async function pods(cluster: TestCluster): Promise<corev1.Pod[]> {
  return (await cluster.client.resource(refs.pods).list(inDefault)).items
}

async function names(cluster: TestCluster): Promise<string[]> {
  return (await pods(cluster)).map((pod) => pod.metadata.name ?? "").sort()
}

async function change(cluster: TestCluster, spec: object): Promise<void> {
  await cluster.client.resource(refs.statefulsets).patch("db", "strategic", { spec }, inDefault)
}

const image = (name: string): object => ({ template: { spec: { containers: [{ name: "web", image: name }] } } })

async function settled(cluster: TestCluster, replicas: number): Promise<void> {
  await cluster.until("the StatefulSet to settle", async () => {
    const { status, metadata } = await cluster.client.resource(refs.statefulsets).get("db", inDefault)
    return (
      status?.observedGeneration === metadata.generation &&
      status?.replicas === replicas &&
      (status.readyReplicas ?? 0) === replicas &&
      (status.updatedReplicas ?? 0) === replicas &&
      status.currentRevision === status.updateRevision &&
      (await pods(cluster)).length === replicas
    )
  })
}

test("members come in order, have names and claims that stay, and go in reverse order", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => 1000, stopAfterMs: 1000 } })
  await cluster.client.resource(refs.statefulsets).create(statefulSet({ volumeClaimTemplates }))
  await cluster.until("three members", async () => {
    const all = await pods(cluster)
    for (const pod of all) {
      const ordinal = Number(pod.metadata.name?.split("-")[1])
      const before = all.filter((one) => Number(one.metadata.name?.split("-")[1]) < ordinal)
      assert.ok(before.length === ordinal && before.every(isPodReady), `${pod.metadata.name} came too early`)
    }
    return all.length === 3 && all.every(isPodReady)
  })
  await settled(cluster, 3)
  const [first] = await pods(cluster)
  assert.equal(first?.spec?.hostname, "db-0")
  assert.equal(first?.spec?.subdomain, "db")
  assert.equal(first?.metadata.labels?.["apps.kubernetes.io/pod-index"], "0")
  assert.equal(first?.spec?.volumes?.[0]?.persistentVolumeClaim?.claimName, "data-db-0")
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
  await change(cluster, { replicas: 1 })
  const seen = new Set<string>()
  await cluster.until("one member", async () => {
    seen.add((await names(cluster)).join(" "))
    return (await names(cluster)).length === 1
  })
  assert.deepEqual([...seen], ["db-0 db-1 db-2", "db-0 db-1", "db-0"])
  const claims = (await cluster.client.resource(refs.persistentvolumeclaims).list(inDefault)).items
  assert.deepEqual(claims.map((claim) => claim.metadata.name).sort(), ["data-db-0", "data-db-1", "data-db-2"])
})

test("an update goes from the highest member down, stops at the partition, and is rolled back likewise", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => 1000, stopAfterMs: 1000 } })
  const rolling = (partition: number): object => ({ type: "RollingUpdate", rollingUpdate: { partition } })
  await cluster.client.resource(refs.statefulsets).create(statefulSet())
  await settled(cluster, 3)
  await change(cluster, { updateStrategy: rolling(2), ...image("web:2") })
  await cluster.until("the highest member", async () => {
    const { status } = await cluster.client.resource(refs.statefulsets).get("db", inDefault)
    return status?.updatedReplicas === 1 && status.readyReplicas === 3
  })
  await cluster.clock.advance(60_000)
  const images = async (): Promise<(string | undefined)[]> =>
    (await pods(cluster))
      .sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1))
      .map((pod) => pod.spec?.containers[0]?.image)
  assert.deepEqual(await images(), ["web:1", "web:1", "web:2"])
  // A member below the partition that is lost comes back as it was.
  await cluster.client.resource(refs.pods).delete("db-0", inDefault)
  await cluster.clock.advance(60_000)
  assert.deepEqual(await images(), ["web:1", "web:1", "web:2"])
  await change(cluster, { updateStrategy: rolling(0) })
  await settled(cluster, 3)
  assert.deepEqual(await images(), ["web:2", "web:2", "web:2"])
  await change(cluster, image("web:1"))
  await settled(cluster, 3)
  const revisions = (await cluster.client.resource(refs.controllerrevisions).list(inDefault)).items
  assert.deepEqual(revisions.map((one) => one.revision).sort(), [2, 3])
})

test("Parallel does not wait; a start ordinal moves the names; a failed member is made anew", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => undefined } })
  const spec = { podManagementPolicy: "Parallel", ordinals: { start: 5 }, replicas: 4 }
  await cluster.client.resource(refs.statefulsets).create(statefulSet(spec))
  await cluster.until("four members", async () => (await pods(cluster)).length === 4)
  assert.deepEqual(await names(cluster), ["db-5", "db-6", "db-7", "db-8"])
  const { uid } = (await cluster.client.resource(refs.pods).get("db-6", inDefault)).metadata
  const failed = { status: { phase: "Failed" } }
  await cluster.client.resource(refs.pods).patch("db-6", "merge", failed, { ...inDefault, subresource: "status" })
  await cluster.until("a new member", async () => {
    const all = await pods(cluster)
    return all.some((pod) => pod.metadata.name === "db-6" && pod.metadata.uid !== uid)
  })
})

test("claims go with members and set when the retention policy says so", async (context) => {
  const cluster = await startCluster(context, { only })
  const persistentVolumeClaimRetentionPolicy = { whenDeleted: "Delete", whenScaled: "Delete" }
  await cluster.client
    .resource(refs.statefulsets)
    .create(statefulSet({ volumeClaimTemplates, persistentVolumeClaimRetentionPolicy }))
  await settled(cluster, 3)
  const claims = async (): Promise<(string | undefined)[]> =>
    (await cluster.client.resource(refs.persistentvolumeclaims).list(inDefault)).items.map((one) => one.metadata.name)
  await change(cluster, { replicas: 1 })
  await cluster.until("the claims of those scaled away to go", async () => (await claims()).length === 1)
  assert.deepEqual(await claims(), ["data-db-0"])
  await change(cluster, { replicas: 2 })
  await settled(cluster, 2)
  await cluster.client.resource(refs.statefulsets).delete("db", inDefault)
  await cluster.until(
    "everything to go",
    async () => (await claims()).length === 0 && (await pods(cluster)).length === 0,
  )
})
