import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type corev1, isPodReady, refs } from "@ladya/api"
import { findCondition, formatMicroTime, formatTime } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["node", "taint-eviction", "node-ipam", "pod-garbage-collector"]

interface Nodes extends TestCluster {
  /** Nodes that still renew their Leases. */
  alive: Set<string>
  taints(name: string): Promise<string[]>
  /** Moves time on, with heartbeats of the living every 10 s. */
  pass(ms: number): Promise<void>
}

async function startNodes(context: TestContext, names: string[]): Promise<Nodes> {
  const alive = new Set(names)
  const kubelet = { bindTo: "a", isUp: (name: string) => alive.has(name) }
  const cluster = await startCluster(context, { only, kubelet })
  const { client, clock } = cluster
  for (const name of names) {
    await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name } })
    const time = formatTime(clock.now())
    await client.resource(refs.nodes).patch(
      name,
      "merge",
      {
        status: {
          conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: time, lastTransitionTime: time }],
        },
      },
      { subresource: "status" },
    )
    await client.resource(refs.leases).create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { namespace: "kube-node-lease", name },
      spec: { holderIdentity: name, renewTime: formatMicroTime(clock.now()) },
    })
  }
  return {
    ...cluster,
    alive,
    taints: async (name) =>
      ((await client.resource(refs.nodes).get(name)).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`),
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 10_000) {
        for (const name of alive) {
          const patch = { spec: { renewTime: formatMicroTime(clock.now()) } }
          await client.resource(refs.leases).patch(name, "merge", patch, { namespace: "kube-node-lease" })
        }
        await clock.advance(Math.min(left, 10_000))
      }
    },
  }
}

function pod(name: string, tolerations: corev1.Toleration[]): corev1.Pod {
  const spec = podTemplate({}).spec ?? { containers: [] }
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name }, spec: { ...spec, tolerations } }
}

test("a node that goes silent is Unknown, tainted, and its pods leave when they have waited long enough", async (context) => {
  const cluster = await startNodes(context, ["a", "b", "c"])
  const { client, pass, taints, alive } = cluster
  const pods = client.resource(refs.pods)
  const unreachable = { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" }
  await pods.create(pod("leaves", [{ ...unreachable, tolerationSeconds: 300 }]))
  await pods.create(pod("stays", [unreachable]))
  await pass(60_000)
  assert.deepEqual(await taints("a"), [])
  alive.delete("a")
  await pass(30_000)
  assert.equal(findCondition((await client.resource(refs.nodes).get("a")).status?.conditions, "Ready")?.status, "True")
  await pass(30_000)
  const ready = findCondition((await client.resource(refs.nodes).get("a")).status?.conditions, "Ready")
  assert.equal(ready?.status, "Unknown")
  assert.equal(ready?.reason, "NodeStatusUnknown")
  assert.deepEqual((await taints("a")).sort(), [
    "node.kubernetes.io/unreachable:NoExecute",
    "node.kubernetes.io/unreachable:NoSchedule",
  ])
  assert.equal(isPodReady(await pods.get("stays", { namespace: "default" })), false)
  await pass(240_000)
  assert.equal((await pods.get("leaves", { namespace: "default" })).metadata.deletionTimestamp, undefined)
  await pass(60_000)
  const left = await pods.get("leaves", { namespace: "default" })
  assert.ok(left.metadata.deletionTimestamp)
  assert.equal(findCondition(left.status?.conditions, "DisruptionTarget")?.reason, "DeletionByTaintManager")
  assert.equal((await pods.get("stays", { namespace: "default" })).metadata.deletionTimestamp, undefined)
  alive.add("a")
  const time = formatTime(cluster.clock.now())
  const conditions = [{ type: "Ready", status: "True", lastHeartbeatTime: time, lastTransitionTime: time }]
  await client.resource(refs.nodes).patch("a", "merge", { status: { conditions } }, { subresource: "status" })
  await pass(10_000)
  assert.deepEqual(await taints("a"), [])
})

test("when every node is silent nobody is evicted", async (context) => {
  const { pass, taints, alive } = await startNodes(context, ["a", "b"])
  await pass(60_000)
  alive.clear()
  await pass(600_000)
  assert.deepEqual(await taints("a"), ["node.kubernetes.io/unreachable:NoSchedule"])
  assert.deepEqual(await taints("b"), ["node.kubernetes.io/unreachable:NoSchedule"])
})

test("a cordoned node is tainted, and no longer when it is uncordoned", async (context) => {
  const { client, pass, taints } = await startNodes(context, ["a"])
  await client.resource(refs.nodes).patch("a", "merge", { spec: { unschedulable: true } })
  await pass(1000)
  assert.deepEqual(await taints("a"), ["node.kubernetes.io/unschedulable:NoSchedule"])
  await client.resource(refs.nodes).patch("a", "merge", { spec: { unschedulable: null } })
  await pass(1000)
  assert.deepEqual(await taints("a"), [])
})

test("a taint without a tolerance evicts at once, and says why", async (context) => {
  const { client, pass } = await startNodes(context, ["a"])
  const pods = client.resource(refs.pods)
  await pods.create(pod("out", []))
  await pods.create(
    pod("later", [{ key: "maintenance", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }]),
  )
  await pass(1000)
  const taint = { key: "maintenance", value: "now", effect: "NoExecute" }
  await client.resource(refs.nodes).patch("a", "merge", { spec: { taints: [taint] } })
  await pass(10_000)
  assert.deepEqual(
    (await pods.list()).items.map((one) => one.metadata.name),
    ["later"],
  )
  const events = (await client.resource(refs.events).list({ namespace: "default" })).items
  assert.ok(events.some((event) => event.message === "Marking for deletion Pod default/out"))
  await client.resource(refs.nodes).patch("a", "merge", { spec: { taints: null } })
  await pass(120_000)
  assert.equal((await pods.list()).items.length, 1)
})

test("every node gets its part of the pods' addresses, and pods of a node that is gone are removed", async (context) => {
  const { client, pass, alive, writesDuring } = await startNodes(context, ["a", "b", "c"])
  await pass(1000)
  const nodes = (await client.resource(refs.nodes).list()).items
  const cidrs = nodes.map((node) => node.spec?.podCIDR)
  assert.deepEqual(cidrs.sort(), ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"])
  assert.deepEqual(nodes[0]?.spec?.podCIDRs, [nodes[0]?.spec?.podCIDR])
  await client.resource(refs.pods).create(pod("web", []))
  await pass(1000)
  assert.deepEqual(await writesDuring(9000), [])
  alive.delete("a")
  await client.resource(refs.nodes).delete("a")
  await pass(90_000)
  assert.equal((await client.resource(refs.pods).list()).items.length, 0)
})
