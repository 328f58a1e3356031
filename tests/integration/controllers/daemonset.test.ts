import assert from "node:assert/strict"
import { test } from "node:test"
import { type appsv1, type corev1, isPodActive, isPodReady, refs } from "@ladya/api"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["daemonset"]
const inDefault = { namespace: "default" }

function daemonSet(spec: Partial<appsv1.DaemonSetSpec> = {}): appsv1.DaemonSet {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { namespace: "default", name: "agent" },
    spec: { selector: { matchLabels: { app: "agent" } }, template: podTemplate({ app: "agent" }), ...spec },
  }
}

async function addNode(cluster: TestCluster, name: string, spec: corev1.NodeSpec = {}): Promise<void> {
  await cluster.client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name }, spec })
}

async function podsByNode(cluster: TestCluster): Promise<Map<string, corev1.Pod[]>> {
  const found = new Map<string, corev1.Pod[]>()
  for (const pod of (await cluster.client.resource(refs.pods).list(inDefault)).items) {
    const name = pod.spec?.nodeName ?? ""
    found.set(name, [...(found.get(name) ?? []), pod])
  }
  return found
}

async function setImage(cluster: TestCluster, image: string): Promise<void> {
  const patch = { spec: { template: { spec: { containers: [{ name: "web", image }] } } } }
  await cluster.client.resource(refs.daemonsets).patch("agent", "strategic", patch, inDefault)
}

async function settled(cluster: TestCluster, nodes: number): Promise<void> {
  await cluster.until("the DaemonSet to settle", async () => {
    const { status, metadata } = await cluster.client.resource(refs.daemonsets).get("agent", inDefault)
    const pods = [...(await podsByNode(cluster)).values()].flat()
    return (
      status?.observedGeneration === metadata.generation &&
      status?.desiredNumberScheduled === nodes &&
      (status.numberAvailable ?? 0) === nodes &&
      (status.updatedNumberScheduled ?? 0) === nodes &&
      pods.length === nodes
    )
  })
}

test("a pod on every node that fits, also on those that come later, none on those that do not", async (context) => {
  const cluster = await startCluster(context, { only })
  for (const name of ["a", "b"]) await addNode(cluster, name)
  await addNode(cluster, "kept-free", { taints: [{ key: "dedicated", effect: "NoSchedule" }] })
  await addNode(cluster, "cordoned", { unschedulable: true })
  await cluster.client.resource(refs.daemonsets).create(daemonSet())
  await settled(cluster, 3)
  assert.deepEqual([...(await podsByNode(cluster)).keys()].sort(), ["a", "b", "cordoned"])
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(3_600_000), [])
  await addNode(cluster, "c")
  await settled(cluster, 4)
  const taints = [{ key: "maintenance", effect: "NoExecute" }]
  await cluster.client.resource(refs.nodes).patch("a", "merge", { spec: { taints } })
  await settled(cluster, 3)
  assert.deepEqual([...(await podsByNode(cluster)).keys()].sort(), ["b", "c", "cordoned"])
  await cluster.client.resource(refs.nodes).patch("a", "merge", { spec: { taints: null } })
  await settled(cluster, 4)
})

test("a failed pod is replaced, and not in a hot loop", async (context) => {
  const cluster = await startCluster(context, { only })
  await addNode(cluster, "a")
  await cluster.client.resource(refs.daemonsets).create(daemonSet())
  await settled(cluster, 1)
  for (let turn = 0; turn < 3; turn++) {
    const [pod] = (await podsByNode(cluster)).get("a") ?? []
    const uid = pod?.metadata.uid
    await cluster.client
      .resource(refs.pods)
      .patch(
        pod?.metadata.name ?? "",
        "merge",
        { status: { phase: "Failed" } },
        { ...inDefault, subresource: "status" },
      )
    await cluster.until("a new pod", async () => {
      const [next] = (await podsByNode(cluster)).get("a") ?? []
      return next !== undefined && next.metadata.uid !== uid && isPodReady(next)
    })
  }
  const events = (await cluster.client.resource(refs.events).list(inDefault)).items
  assert.ok(events.some((event) => event.reason === "FailedDaemonPod"))
})

test("a rolling update takes one node at a time, keeps its history, and can be rolled back", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => 2000, stopAfterMs: 1000 } })
  for (const name of ["a", "b", "c", "d"]) await addNode(cluster, name)
  await cluster.client.resource(refs.daemonsets).create(daemonSet({ revisionHistoryLimit: 1 }))
  await settled(cluster, 4)
  for (const image of ["web:2", "web:3", "web:1"]) {
    await setImage(cluster, image)
    await cluster.until("the update", async () => {
      const all = [...(await podsByNode(cluster)).values()].flat()
      const ready = all.filter((pod) => isPodActive(pod) && isPodReady(pod))
      assert.ok(ready.length >= 3, `${ready.length} ready`)
      return ready.length === 4 && ready.every((pod) => pod.spec?.containers[0]?.image === image)
    })
    await settled(cluster, 4)
  }
  const revisions = (await cluster.client.resource(refs.controllerrevisions).list(inDefault)).items
  // The limit is of those that nothing uses: the one in use comes on top.
  assert.equal(revisions.length, 2)
  assert.equal(Math.max(...revisions.map((one) => one.revision)), 4)
})

test("with surge the new pod is there before the old one goes", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { readyAfterMs: () => 2000 } })
  for (const name of ["a", "b", "c"]) await addNode(cluster, name)
  const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  await cluster.client.resource(refs.daemonsets).create(daemonSet({ updateStrategy }))
  await settled(cluster, 3)
  await setImage(cluster, "web:2")
  await cluster.until("the update", async () => {
    const byNode = await podsByNode(cluster)
    let doubled = 0
    for (const [name, pods] of byNode) {
      const active = pods.filter(isPodActive)
      assert.ok(active.some(isPodReady), `nothing ready on ${name}`)
      if (active.length > 1) doubled++
    }
    assert.ok(doubled <= 1, `${doubled} nodes have two`)
    return [...byNode.values()].flat().every((pod) => pod.spec?.containers[0]?.image === "web:2")
  })
})
