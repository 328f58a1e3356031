import assert from "node:assert/strict"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { type TestContext, test } from "node:test"
import { type autoscalingv2, refs } from "@ladya/api"
import { newControllers } from "@ladya/controllers"
import { newMemoryStore } from "@ladya/store"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { type SecureServer, startSecureServer } from "../secure-server.ts"
import { podTemplate } from "./cluster.ts"

const clock = systemClock
const inDefault = { namespace: "default" }
const labels = { app: "web" }
const custom = { group: "custom.metrics.k8s.io", version: "v1beta2" }
const external = { group: "external.metrics.k8s.io", version: "v1beta1" }

/** Serves fixed metrics of both APIs, and remembers what it was asked. */
async function startMetricsServer(t: TestContext, server: SecureServer): Promise<string[]> {
  const { certificate, key } = await server.pki.issueServingCertificate({
    commonName: "metrics",
    dnsNames: ["metrics.default.svc"],
  })
  const asked: string[] = []
  const value = (name: string, amount: string) => ({
    describedObject: { kind: "Pod", name },
    metric: { name: "qps" },
    timestamp: new Date().toISOString(),
    value: amount,
  })
  const https = createServer({ cert: certificate, key }, (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "https://metrics")
    const below = pathname.replace(/^\/apis\/[^/]+\/[^/]+/, "")
    if (below.startsWith("/namespaces/")) asked.push(`${below}?${searchParams}`)
    const items: Record<string, object[]> = {
      "/namespaces/default/pods/*/qps": [value("web-0", "30"), value("web-1", "10")],
      "/namespaces/default/services/front/hits": [value("front", "1500m")],
      "/namespaces/default/queue_length": [
        { metricName: "queue_length", value: "12" },
        { metricName: "queue_length", value: "8" },
      ],
    }
    const found = items[below]
    response.writeHead(found || below === "" ? 200 : 404, { "content-type": "application/json" })
    response.end(
      JSON.stringify({ kind: "MetricValueList", apiVersion: "v1", metadata: {}, resources: [], items: found ?? [] }),
    )
  })
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve))
  t.after(() => {
    https.closeAllConnections()
    https.close()
  })
  await server.client.resource(refs.services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "metrics", ...inDefault },
    spec: { type: "ExternalName", externalName: "localhost" },
  })
  for (const { group, version } of [custom, external]) {
    await server.client.resource(refs.apiservices).create({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name: `${version}.${group}` },
      spec: {
        ...{ group, version, groupPriorityMinimum: 100, versionPriority: 100 },
        service: { ...inDefault, name: "metrics", port: (https.address() as AddressInfo).port },
        caBundle: Buffer.from(server.pki.caCertificate).toString("base64"),
      },
    })
  }
  return asked
}

test("metrics of pods, of other objects and from outside size a workload", async (t) => {
  const server = await startSecureServer(t, newMemoryStore({ clock }))
  const { client } = server
  const asked = await startMetricsServer(t, server)
  await client
    .resource(refs.serviceaccounts)
    .create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", ...inDefault } })
  await client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", ...inDefault },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: podTemplate(labels) },
  })
  // Deployments are left alone here: their status says what the pods of this test are.
  for (const name of ["web-0", "web-1"]) {
    const pods = client.resource(refs.pods)
    const { spec = { containers: [] } } = podTemplate(labels)
    await pods.create({ apiVersion: "v1", kind: "Pod", metadata: { name, ...inDefault, labels }, spec })
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }
    await pods.patch(name, "merge", { status }, { ...inDefault, subresource: "status" })
  }
  await client
    .resource(refs.deployments)
    .patch("web", "merge", { status: { replicas: 2 } }, { ...inDefault, subresource: "status" })

  const metrics: autoscalingv2.MetricSpec[] = [
    { type: "Pods", pods: { metric: { name: "qps" }, target: { type: "AverageValue", averageValue: "10" } } },
    {
      type: "Object",
      object: {
        metric: { name: "hits", selector: { matchLabels: { verb: "GET" } } },
        describedObject: { apiVersion: "v1", kind: "Service", name: "front" },
        target: { type: "Value", value: "1" },
      },
    },
    {
      type: "External",
      external: {
        metric: { name: "queue_length", selector: { matchLabels: { queue: "jobs" } } },
        target: { type: "AverageValue", averageValue: "4" },
      },
    },
  ]
  const controllers = newControllers({
    ...{ client, clock, log: silentLogger, random: newRandom(1), metrics: new MetricsRegistry() },
    only: ["horizontal-pod-autoscaler"],
  })
  await controllers.start()
  t.after(() => controllers.stop(AbortSignal.timeout(2000)))
  for (const { group, version } of [custom, external]) {
    await waitFor(
      clock,
      async () =>
        (await client.resource(refs.apiservices).get(`${version}.${group}`)).status?.conditions?.[0]?.status === "True",
      { description: `${group} available`, timeoutMs: 30_000 },
    )
  }
  const autoscalers = client.resource(refs.horizontalpodautoscalers)
  await autoscalers.create({
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: "web", ...inDefault },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 10,
      metrics,
    },
  })
  const sized = await waitFor(
    clock,
    async () => {
      const found = await autoscalers.get("web", inDefault)
      return found.status?.currentMetrics ? found : undefined
    },
    { description: "current metrics", timeoutMs: 30_000 },
  )
  assert.deepEqual(
    sized.status?.currentMetrics,
    [
      { type: "Pods", pods: { metric: { name: "qps" }, current: { averageValue: "20" } } },
      {
        type: "Object",
        object: { ...metrics[1]?.object, target: undefined, current: { value: "1500m" } },
      },
      { type: "External", external: { metric: metrics[2]?.external?.metric, current: { averageValue: "10" } } },
    ].map((status) => JSON.parse(JSON.stringify(status)) as unknown),
  )
  // 20 of 10 a pod: 4; 1.5 of 1 over two pods: 3; 20 of 4 a pod: 5, but no faster than to 4.
  assert.equal(sized.status?.desiredReplicas, 4)
  assert.equal((await client.resource(refs.deployments).get("web", inDefault)).spec?.replicas, 4)
  assert.deepEqual([...new Set(asked)].sort(), [
    "/namespaces/default/pods/*/qps?labelSelector=app%3Dweb",
    "/namespaces/default/queue_length?labelSelector=queue%3Djobs",
    "/namespaces/default/services/front/hits?metricLabelSelector=verb%3DGET",
  ])
})
