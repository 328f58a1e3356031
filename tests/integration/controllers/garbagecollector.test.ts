import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { type KubeObject, newOwnerRef } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["generic-garbage-collector"]
const inDefault = { namespace: "default" }

function configMap(name: string, owners: KubeObject[] = [], block = true): corev1.ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      namespace: "default",
      name,
      ownerReferences: owners.map((owner) => ({ ...newOwnerRef(owner), blockOwnerDeletion: block })),
    },
  }
}

async function names(cluster: TestCluster): Promise<string[]> {
  return (await cluster.client.resource(refs.configmaps).list(inDefault)).items.map((one) => one.metadata.name ?? "")
}

test("background: what is owned goes after its owner, level by level", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const root = await api.create(configMap("root"))
  const child = await api.create(configMap("child", [root]))
  await api.create(configMap("grandchild", [child]))
  const other = await api.create(configMap("other"))
  await api.create(configMap("shared", [root, other]))
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(60_000), [])
  await api.delete("root", inDefault)
  await cluster.until("the descendants to go", async () => (await names(cluster)).length === 2)
  await cluster.clock.advance(1000)
  const shared = await api.get("shared", inDefault)
  assert.deepEqual(
    shared.metadata.ownerReferences?.map((owner) => owner.name),
    ["other"],
  )
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
})

test("foreground: the owner stays until the last dependent that blocks it is gone", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const root = await api.create(configMap("root"))
  const child = await api.create(configMap("child", [root]))
  const leaf = configMap("leaf", [child])
  leaf.metadata.finalizers = ["example.com/hold"]
  await api.create(leaf)
  await cluster.clock.advance(100)
  await api.delete("root", { ...inDefault, propagationPolicy: "Foreground" })
  await cluster.clock.advance(10_000)
  assert.deepEqual((await names(cluster)).sort(), ["child", "leaf", "root"])
  assert.ok((await api.get("leaf", inDefault)).metadata.deletionTimestamp)
  await api.patch("leaf", "merge", { metadata: { finalizers: [] } }, inDefault)
  await cluster.until("all to go", async () => (await names(cluster)).length === 0)
})

test("foreground: a dependent that does not block is deleted, but not waited for", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const root = await api.create(configMap("root"))
  const child = configMap("child", [root], false)
  child.metadata.finalizers = ["example.com/hold"]
  await api.create(child)
  await cluster.clock.advance(100)
  await api.delete("root", { ...inDefault, propagationPolicy: "Foreground" })
  await cluster.until("the root to go", async () => !(await names(cluster)).includes("root"))
  await cluster.until("the child to be deleted", async () => {
    return (await api.get("child", inDefault)).metadata.deletionTimestamp !== undefined
  })
})

test("orphan: dependents lose the owner and stay", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const root = await api.create(configMap("root"))
  for (let i = 0; i < 30; i++) await api.create(configMap(`child-${i}`, [root]))
  await cluster.clock.advance(100)
  await api.delete("root", { ...inDefault, propagationPolicy: "Orphan" })
  await cluster.until("the root to go", async () => !(await names(cluster)).includes("root"))
  await cluster.clock.advance(10_000)
  const children = (await api.list(inDefault)).items
  assert.equal(children.length, 30)
  assert.ok(children.every((child) => (child.metadata.ownerReferences ?? []).length === 0))
})

test("objects that own each other in a circle are deleted in the foreground all the same", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const a = await api.create(configMap("a"))
  const b = await api.create(configMap("b", [a]))
  const c = await api.create(configMap("c", [b]))
  const reference = { ...newOwnerRef(c), blockOwnerDeletion: true }
  await api.patch("a", "merge", { metadata: { ownerReferences: [reference] } }, inDefault)
  await cluster.clock.advance(100)
  await api.delete("a", { ...inDefault, propagationPolicy: "Foreground" })
  await cluster.until("all to go", async () => (await names(cluster)).length === 0)
})

test("an owner of another uid, or one that never was, is no owner; an unknown kind is left alone", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.configmaps)
  const owner = await api.create(configMap("owner"))
  const wrongUid = configMap("wrong-uid", [owner])
  for (const reference of wrongUid.metadata.ownerReferences ?? []) reference.uid = crypto.randomUUID()
  await api.create(wrongUid)
  const unknown = configMap("unknown-kind", [owner])
  for (const reference of unknown.metadata.ownerReferences ?? []) {
    reference.kind = "Thing"
    reference.apiVersion = "example.com/v1"
    reference.uid = crypto.randomUUID()
  }
  await api.create(unknown)
  await api.create(configMap("held", [owner]))
  await cluster.until("the impostor to go", async () => !(await names(cluster)).includes("wrong-uid"))
  await cluster.clock.advance(10_000)
  assert.deepEqual((await names(cluster)).sort(), ["held", "owner", "unknown-kind"])
})

test("deleting a Deployment takes ReplicaSets and pods along; orphaning leaves them", async (context) => {
  const cluster = await startCluster(context, { only: [...only, "deployment", "replicaset"] })
  const deployments = cluster.client.resource(refs.deployments)
  const pods = cluster.client.resource(refs.pods)
  const create = () =>
    deployments.create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { namespace: "default", name: "web" },
      spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template: podTemplate({ app: "web" }) },
    })
  await create()
  await cluster.until("pods", async () => (await pods.list(inDefault)).items.length === 3)
  await deployments.delete("web", { ...inDefault, propagationPolicy: "Foreground" })
  await cluster.until("nothing left", async () => {
    const left = [
      ...(await pods.list(inDefault)).items,
      ...(await cluster.client.resource(refs.replicasets).list(inDefault)).items,
      ...(await deployments.list(inDefault)).items,
    ]
    return left.length === 0
  })
  await create()
  await cluster.until("pods", async () => (await pods.list(inDefault)).items.length === 3)
  await deployments.delete("web", { ...inDefault, propagationPolicy: "Orphan" })
  await cluster.clock.advance(10_000)
  assert.equal((await pods.list(inDefault)).items.length, 3)
  const [replicaSet] = (await cluster.client.resource(refs.replicasets).list(inDefault)).items
  assert.deepEqual(replicaSet?.metadata.ownerReferences ?? [], [])
})

test("an owner in another namespace is no owner, and an event says so", async (context) => {
  const cluster = await startCluster(context, { only })
  const { client } = cluster
  await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "other" } })
  const owner = await client
    .resource(refs.configmaps)
    .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "far", namespace: "other" } })
  await cluster.clock.advance(1000)
  await client.resource(refs.configmaps).create(configMap("lost", [owner]))
  await cluster.until("it gone", async () => !(await names(cluster)).includes("lost"))
  const told = async (): Promise<string | undefined> =>
    (await client.resource(refs.events).list(inDefault)).items.find(
      ({ reason }) => reason === "OwnerRefInvalidNamespace",
    )?.message
  await cluster.until("the event", async () => (await told()) !== undefined)
  assert.match(
    (await told()) ?? "",
    /^ownerRef \[v1\/ConfigMap, namespace: other, name: far, uid: .*\] does not exist in namespace "default"$/,
  )
})
