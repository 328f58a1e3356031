import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, type discoveryv1, refs } from "@ladya/api"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["endpointslice", "endpoint", "replicaset"]
const inDefault = { namespace: "default" }

function service(spec: Partial<corev1.ServiceSpec> = {}): corev1.Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "default", name: "web", labels: { team: "shop" } },
    spec: {
      selector: { app: "web" },
      clusterIP: "10.96.0.20",
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: "http" }],
      ...spec,
    },
  }
}

async function scale(cluster: TestCluster, replicas: number): Promise<void> {
  const api = cluster.client.resource(refs.replicasets)
  const template = podTemplate({ app: "web" })
  for (const container of template.spec?.containers ?? []) container.ports = [{ name: "http", containerPort: 8080 }]
  const known = (await api.list(inDefault)).items[0]
  if (known) await api.patch("web", "merge", { spec: { replicas } }, inDefault)
  else {
    await api.create({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { namespace: "default", name: "web" },
      spec: { replicas, selector: { matchLabels: { app: "web" } }, template },
    })
  }
}

async function slices(cluster: TestCluster): Promise<discoveryv1.EndpointSlice[]> {
  return (await cluster.client.resource(refs.endpointslices).list(inDefault)).items
}

async function ready(cluster: TestCluster): Promise<number> {
  const endpoints = (await slices(cluster)).flatMap((slice) => slice.endpoints ?? [])
  return endpoints.filter((endpoint) => endpoint.conditions?.ready).length
}

test("slices and endpoints follow the pods, in few slices, and rest when nothing changes", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { stopAfterMs: 5000 } })
  await cluster.client.resource(refs.services).create(service())
  await cluster.clock.advance(1000)
  const [empty] = await slices(cluster)
  assert.deepEqual(empty?.endpoints, [])
  await scale(cluster, 250)
  await cluster.until("all endpoints", async () => (await ready(cluster)) === 250)
  const all = await slices(cluster)
  assert.equal(all.length, 3)
  assert.ok(all.every((slice) => (slice.endpoints?.length ?? 0) <= 100))
  const [slice] = all
  assert.deepEqual(slice?.ports, [{ name: "http", port: 8080, protocol: "TCP" }])
  assert.equal(slice?.metadata.labels?.["kubernetes.io/service-name"], "web")
  assert.equal(slice?.metadata.labels?.["endpointslice.kubernetes.io/managed-by"], "endpointslice-controller.k8s.io")
  assert.equal(slice?.metadata.labels?.["team"], "shop")
  assert.equal(slice?.endpoints?.[0]?.targetRef?.kind, "Pod")
  const endpoints = await cluster.client.resource(refs.endpoints).get("web", inDefault)
  assert.equal(endpoints.subsets?.[0]?.addresses?.length, 250)
  assert.deepEqual(endpoints.subsets?.[0]?.ports, [{ name: "http", port: 8080, protocol: "TCP" }])
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
  await scale(cluster, 10)
  await cluster.clock.advance(1000)
  const terminating = (await slices(cluster))
    .flatMap((one) => one.endpoints ?? [])
    .filter((one) => one.conditions?.terminating)
  assert.ok(terminating.length > 0)
  assert.ok(terminating.every((one) => one.conditions?.ready === false && one.conditions.serving === true))
  await cluster.until(
    "ten endpoints",
    async () => (await slices(cluster)).flatMap((one) => one.endpoints ?? []).length === 10,
  )
  await cluster.client.resource(refs.services).delete("web", inDefault)
  await cluster.clock.advance(1000)
  assert.deepEqual((await cluster.client.resource(refs.endpoints).list(inDefault)).items, [])
})

test("a headless Service without ports shows hostnames; pods that are not ready are published when asked", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => undefined } })
  const headless = service({ clusterIP: "None", publishNotReadyAddresses: true })
  delete headless.spec?.ports
  await cluster.client.resource(refs.services).create(headless)
  await cluster.client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "web-0", labels: { app: "web" } },
    spec: { containers: [], ...podTemplate({}).spec, hostname: "web-0", subdomain: "web" },
  })
  await cluster.until("the endpoint", async () => (await ready(cluster)) === 1)
  const [slice] = await slices(cluster)
  assert.deepEqual(slice?.endpoints?.[0]?.conditions, { ready: true, serving: false, terminating: false })
  assert.equal(slice?.endpoints?.[0]?.hostname, "web-0")
  assert.ok("service.kubernetes.io/headless" in (slice?.metadata.labels ?? {}))
  const endpoints = await cluster.client.resource(refs.endpoints).get("web", inDefault)
  assert.equal(endpoints.subsets?.[0]?.addresses?.[0]?.hostname, "web-0")
})

test("changing the port rewrites the slices in place; a Service that prefers what is near gets hints", async (context) => {
  const cluster = await startCluster(context, { only })
  await cluster.client.resource(refs.nodes).create({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-1", labels: { "topology.kubernetes.io/zone": "z1" } },
  })
  await cluster.client.resource(refs.services).create(service({ trafficDistribution: "PreferSameNode" }))
  await scale(cluster, 3)
  await cluster.until("all endpoints", async () => (await ready(cluster)) === 3)
  const [before] = await slices(cluster)
  assert.deepEqual(before?.endpoints?.[0]?.hints, { forNodes: [{ name: "node-1" }], forZones: [{ name: "z1" }] })
  assert.equal(before?.endpoints?.[0]?.zone, "z1")
  const ports = [{ name: "http", port: 80, protocol: "TCP", targetPort: 9090 }]
  await cluster.client.resource(refs.services).patch("web", "merge", { spec: { ports } }, inDefault)
  await cluster.until("the new port", async () => (await slices(cluster)).every((one) => one.ports?.[0]?.port === 9090))
  const after = await slices(cluster)
  assert.deepEqual(
    after.map((one) => one.metadata.uid),
    [before?.metadata.uid],
  )
})
