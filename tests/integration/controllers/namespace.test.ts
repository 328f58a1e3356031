import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { findCondition, isStatus } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const inShop = { namespace: "shop" }

function newNamespace(cluster: TestCluster): Promise<corev1.Namespace> {
  return cluster.client.resource(refs.namespaces).create({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop" },
    spec: { finalizers: ["kubernetes"] },
  })
}

async function isGone(cluster: TestCluster): Promise<boolean> {
  try {
    await cluster.client.resource(refs.namespaces).get("shop")
    return false
  } catch (error) {
    return isStatus(error, "NotFound")
  }
}

test("a new namespace gets its service account and the CA, and gets them back", async (context) => {
  const only = ["service-account", "root-ca-cert-publisher"]
  const cluster = await startCluster(context, { only, config: { rootCa: "the CA" } })
  const { client } = cluster
  await newNamespace(cluster)
  await cluster.until("both", async () => {
    const account = await client.resource(refs.serviceaccounts).list(inShop)
    const configMaps = await client.resource(refs.configmaps).list(inShop)
    return account.items.length === 1 && configMaps.items.length === 1
  })
  await client.resource(refs.serviceaccounts).delete("default", inShop)
  const patch = { data: { "ca.crt": "another" } }
  await client.resource(refs.configmaps).patch("kube-root-ca.crt", "merge", patch, inShop)
  await cluster.clock.advance(1000)
  assert.equal((await client.resource(refs.serviceaccounts).get("default", inShop)).metadata.name, "default")
  const configMap = await client.resource(refs.configmaps).get("kube-root-ca.crt", inShop)
  assert.equal(configMap.data?.["ca.crt"], "the CA")
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
})

test("a namespace is emptied, pods first, and then goes", async (context) => {
  const cluster = await startCluster(context, { only: ["namespace"], kubelet: { stopAfterMs: 20_000 } })
  const { client } = cluster
  await newNamespace(cluster)
  await client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "shop", name: "settings" },
  })
  await client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "shop", name: "web" },
    spec: podTemplate({}).spec ?? { containers: [] },
  })
  await cluster.clock.advance(1000)
  await client.resource(refs.namespaces).delete("shop")
  await cluster.clock.advance(5000)
  assert.equal((await client.resource(refs.configmaps).list(inShop)).items.length, 1)
  const { status } = await client.resource(refs.namespaces).get("shop")
  assert.equal(status?.phase, "Terminating")
  const remaining = findCondition(status?.conditions, "NamespaceContentRemaining")
  assert.equal(remaining?.message, "Some resources are remaining: pods. has 1 resource instances")
  await cluster.until("the namespace to go", () => isGone(cluster), 60_000)
  assert.equal((await client.resource(refs.configmaps).list(inShop)).items.length, 0)
})

test("a finalizer that nobody removes is named in the conditions", async (context) => {
  const cluster = await startCluster(context, { only: ["namespace"] })
  const { client } = cluster
  await newNamespace(cluster)
  await client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "shop", name: "held", finalizers: ["example.com/hold"] },
  })
  await client.resource(refs.namespaces).delete("shop")
  await cluster.clock.advance(10_000)
  const { status } = await client.resource(refs.namespaces).get("shop")
  assert.equal(
    findCondition(status?.conditions, "NamespaceFinalizersRemaining")?.message,
    "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
  )
  assert.deepEqual(await cluster.writesDuring(60_000), [])
  await client.resource(refs.configmaps).patch("held", "merge", { metadata: { finalizers: null } }, inShop)
  await cluster.until("the namespace to go", () => isGone(cluster))
})
