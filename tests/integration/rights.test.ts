import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { formatMicroTime, formatTime } from "@ladya/apimachinery"
import type { UserInfo } from "@ladya/apiserver"
import { newControllers } from "@ladya/controllers"
import { newScheduler } from "@ladya/scheduler"
import { newMemoryStore } from "@ladya/store"
import { systemClock as clock, type Logger, MetricsRegistry, newRandom, waitFor } from "@ladya/util"
import { newHollowKubelet } from "./hollow-kubelet.ts"
import { startSecureServer } from "./secure-server.ts"

const account = (name: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
})
const component = (name: string): UserInfo => ({ name: `system:${name}`, groups: ["system:authenticated"] })

/** Keeps every line that speaks of something forbidden. */
function newForbiddenLog(lines: string[]): Logger {
  const note = (message: string, fields: object = {}): void => {
    const text = `${message} ${Object.values(fields).map(String).join(" ")}`
    if (/forbidden|cannot (get|list|watch|create|update|patch|delete)/i.test(text)) lines.push(text)
  }
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log }
  return log
}

test("controllers, scheduler and nodes do their work with no more rights than they are given", async (t) => {
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const { client, clientAs, pki } = await startSecureServer(t, store)
  const refused: string[] = []
  const log = newForbiddenLog(refused)
  const metrics = new MetricsRegistry()
  const random = newRandom(3)

  const node = clientAs({ name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] })
  const now = clock.now()
  const ready = {
    type: "Ready",
    status: "True",
    lastHeartbeatTime: formatTime(now),
    lastTransitionTime: formatTime(now),
  }
  await node.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } })
  await node.resource(refs.nodes).patch(
    "n1",
    "merge",
    {
      status: {
        capacity: { cpu: "4", memory: "8Gi", pods: "110" },
        allocatable: { cpu: "4", memory: "8Gi", pods: "110" },
        conditions: [{ ...ready, reason: "KubeletReady", message: "well" }],
      },
    },
    { subresource: "status" },
  )
  await node.resource(refs.leases).create({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace: "kube-node-lease", name: "n1" },
    spec: { holderIdentity: "n1", leaseDurationSeconds: 40, renewTime: formatMicroTime(now) },
  })

  const parts = [
    newControllers({
      ...{ clock, log, random, metrics },
      client: clientAs(component("kube-controller-manager")),
      clientFor: (name) => clientAs(account(name)),
      config: { rootCa: pki.caCertificate },
    }),
    newScheduler({ client: clientAs(component("kube-scheduler")), clock, log, random, metrics }),
    newHollowKubelet({ client, clock, log }),
  ]
  for (const part of parts) await part.start()
  t.after(async () => {
    for (const part of parts.toReversed()) await part.stop(AbortSignal.timeout(2000))
  })

  await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } })
  const labels = { app: "web" }
  await client.resource(refs.services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "shop", name: "web" },
    spec: { selector: labels, ports: [{ port: 80 }] },
  })
  await client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "shop", name: "web" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "web" }] } },
    },
  })
  const wait = { timeoutMs: 60_000 }
  const problems = (): string => (refused.length > 0 ? `; refused:\n${[...new Set(refused)].join("\n")}` : "")
  await waitFor(
    clock,
    async () => {
      const { status } = await client.resource(refs.deployments).get("web", { namespace: "shop" })
      return status?.readyReplicas === 2
    },
    { ...wait, description: "two ready replicas" },
  ).catch((error: Error) => assert.fail(error.message + problems()))
  await waitFor(
    clock,
    async () => {
      const { items } = await client.resource(refs.endpointslices).list({ namespace: "shop" })
      return items[0]?.endpoints?.length === 2
    },
    { ...wait, description: "two endpoints" },
  ).catch((error: Error) => assert.fail(error.message + problems()))
  const slice = (await client.resource(refs.endpointslices).list({ namespace: "shop" })).items[0]
  assert.equal(slice?.metadata.labels?.["kubernetes.io/service-name"], "web")
  await client.resource(refs.namespaces).delete("shop")
  await waitFor(
    clock,
    async () => !(await client.resource(refs.namespaces).list()).items.some((one) => one.metadata.name === "shop"),
    { ...wait, description: "the namespace to go" },
  ).catch((error: Error) => assert.fail(error.message + problems()))
  assert.deepEqual(refused, [])
})
