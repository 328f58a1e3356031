import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newControllers } from "@ladya/controllers"
import { newScheduler } from "@ladya/scheduler"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "./harness.ts"

const namespace = "default"
const hostname = "kubernetes.io/hostname"

async function setUp(t: TestContext, provisioner: string) {
  const { client } = await startTestServer(t)
  await makeNamespace(client, namespace)
  for (const name of ["a", "b"]) {
    await client.resource(refs.nodes).create({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name, labels: { [hostname]: name } },
      status: { allocatable: { cpu: "4", memory: "8Gi", pods: "110" } },
    })
  }
  await client.resource(refs.storageclasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "late" },
    provisioner,
    volumeBindingMode: "WaitForFirstConsumer",
  })
  const shared = { client, clock: systemClock, log: silentLogger, random: newRandom(1), metrics: new MetricsRegistry() }
  const controllers = newControllers({ ...shared, only: ["persistentvolume-binder"] })
  const scheduler = newScheduler({ ...shared, metrics: new MetricsRegistry() })
  await controllers.start()
  await scheduler.start()
  t.after(async () => {
    await scheduler.stop(AbortSignal.timeout(2000))
    await controllers.stop(AbortSignal.timeout(2000))
  })
  const claims = client.resource(refs.persistentvolumeclaims)
  await claims.create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace },
    spec: { storageClassName: "late", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  })
  const pods = client.resource(refs.pods)
  await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace },
    spec: {
      containers: [{ name: "main", image: "web:1" }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }],
    },
  })
  const volume = (name: string, node: string, more: object = {}): corev1.PersistentVolume => ({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "2Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: "late",
      local: { path: `/srv/${name}` },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: "In", values: [node] }] }] },
      },
      ...more,
    },
  })
  const until = (description: string, condition: () => Promise<unknown>): Promise<unknown> =>
    waitFor(systemClock, condition, { description, timeoutMs: 30_000, intervalMs: 20 })
  return { client, claims, pods, volume, until }
}

test("a pod waits for its volume, goes to the node that reaches it, and is bound after its claim", async (t) => {
  const { client, claims, pods, volume, until } = await setUp(t, "kubernetes.io/no-provisioner")
  await until("the pod is refused", async () => {
    const pod = await pods.get("web", { namespace })
    return pod.status?.conditions?.some(({ message }) => message?.includes("didn't find available persistent volumes"))
  })
  await client.resource(refs.persistentvolumes).create(volume("pv-b", "b"))
  await until("the pod is bound", async () => (await pods.get("web", { namespace })).spec?.nodeName)
  assert.equal((await pods.get("web", { namespace })).spec?.nodeName, "b")
  const claim = await claims.get("data", { namespace })
  assert.deepEqual([claim.status?.phase, claim.spec?.volumeName], ["Bound", "pv-b"])
})

test("a provisioner is told the node, and the pod follows when the volume is there", async (t) => {
  const { client, claims, pods, volume, until } = await setUp(t, "disks.example.com")
  const told = async () => (await claims.get("data", { namespace })).metadata.annotations ?? {}
  await until("the provisioner is asked", async () => (await told())["volume.kubernetes.io/storage-provisioner"])
  const node = (await told())["volume.kubernetes.io/selected-node"] ?? ""
  assert.match(node, /^[ab]$/)
  assert.equal((await pods.get("web", { namespace })).spec?.nodeName, undefined)
  const { uid = "" } = (await claims.get("data", { namespace })).metadata
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: "data", uid }
  await client.resource(refs.persistentvolumes).create(volume(`pvc-${uid}`, node, { claimRef }))
  await until("the pod is bound", async () => (await pods.get("web", { namespace })).spec?.nodeName)
  assert.equal((await pods.get("web", { namespace })).spec?.nodeName, node)
  assert.equal((await claims.get("data", { namespace })).status?.phase, "Bound")
})
