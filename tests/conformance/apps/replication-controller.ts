import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { isReady, runPod, servingPodSpec, sleepingPod, sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { controllerOf, hasCondition, untilObject, untilPods, updateObject } from "../support/workloads.ts"

const controllers = refs.replicationcontrollers

async function createController(
  t: ConformanceContext,
  namespace: string,
  name: string,
  replicas: number,
  options: { spec?: corev1.PodSpec; own?: Record<string, string> } = {},
): Promise<corev1.ReplicationController> {
  return await t.client.resource(controllers).create({
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, namespace, labels: { name, ...options.own } },
    spec: {
      replicas,
      selector: { name },
      template: { metadata: { labels: { name } }, spec: options.spec ?? sleepingPodSpec() },
    },
  })
}

conformance(
  "[sig-apps] ReplicationController should serve a basic image on each replica with a public image [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createController(t, namespace, "basic", 1, { spec: servingPodSpec() })
    const [pod] = await untilPods(t, namespace, { name: "basic" }, "one is ready", (all) => {
      return all.length === 1 && all.every(isReady)
    })
    const name = pod?.metadata.name
    const answer = await t.http("GET", `/api/v1/namespaces/${namespace}/pods/${name}/proxy`)
    assert.equal(answer.text.trim(), name)
  },
)

conformance("[sig-apps] ReplicationController should adopt matching pods on creation [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const name = "pod-adoption"
  await runPod(t, sleepingPod(namespace, name))
  const { metadata } = await createController(t, namespace, name, 1)
  const adopted = await untilObject(t, refs.pods, { name, namespace }, "adopted", (pod) => {
    return controllerOf(pod)?.uid === metadata.uid
  })
  assert.equal(controllerOf(adopted)?.kind, "ReplicationController")
})

conformance("[sig-apps] ReplicationController should release no longer matching pods [Conformance]", async (t) => {
  const namespace = await t.namespace()
  await createController(t, namespace, "pod-release", 1)
  const [pod] = await untilPods(t, namespace, { name: "pod-release" }, "one", (pods) => pods.length === 1)
  const place = { name: pod?.metadata.name ?? "", namespace }
  await updateObject(t, refs.pods, place, (draft) => {
    draft.metadata.labels = { name: "not-matching-name" }
  })
  await untilObject(t, refs.pods, place, "released", (one) => !one.metadata.ownerReferences?.length)
})

conformance(
  "[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "condition-test", namespace }
    await t.client.resource(refs.resourcequotas).create({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: place,
      spec: { hard: { pods: "2" } },
    })
    const quotaIsCounted = ({ status }: corev1.ResourceQuota) => status?.hard?.["pods"] === "2"
    await untilObject(t, refs.resourcequotas, place, "counted", quotaIsCounted)
    await createController(t, namespace, place.name, 3)
    await untilObject(t, controllers, place, "a failure is told", (rc) => hasCondition(rc, "ReplicaFailure"))
    await updateObject(t, controllers, place, (draft) => {
      if (draft.spec) draft.spec.replicas = 2
    })
    await untilObject(t, controllers, place, "no failure is told", (rc) => !hasCondition(rc, "ReplicaFailure"))
  },
)

conformance(
  "[sig-apps] ReplicationController should get and update a ReplicationController scale [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "e2e-rc", namespace }
    await createController(t, namespace, place.name, 1)
    await untilObject(t, controllers, place, "one is ready", ({ status }) => status?.readyReplicas === 1)
    const resource = t.client.resource(controllers)
    type Scale = corev1.ReplicationController
    const scale = await resource.getSubresource<Scale>(place.name, "scale", { namespace })
    assert.equal(scale.kind, "Scale")
    assert.equal(scale.spec?.replicas, 1)
    await resource.update({ ...scale, spec: { ...scale.spec, replicas: 2 } }, { subresource: "scale" })
    await untilObject(t, controllers, place, "two replicas", ({ status }) => status?.replicas === 2)
  },
)

conformance(
  "[sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "rc-test", namespace }
    const own = { "test-rc-static": t.unique("rc") }
    const labelSelector = `test-rc-static=${own["test-rc-static"]}`
    const resource = t.client.resource(controllers)
    const watch = startWatch(t, controllers, { namespace, labelSelector })
    await createController(t, namespace, place.name, 1, { own })
    await watch.next("added", ({ type }) => type === "ADDED")
    await watch.next("ready", ({ object }) => object.status?.readyReplicas === 1)

    const labels = { "test-rc": "patched" }
    await resource.patch(place.name, "strategic", { metadata: { labels } }, { namespace })
    await watch.next("patched", ({ object }) => object.metadata.labels?.["test-rc"] === "patched")

    const status = { readyReplicas: 0, availableReplicas: 0 }
    await resource.patch(place.name, "strategic", { status }, { namespace, subresource: "status" })
    await watch.next("not available", ({ object }) => (object.status?.readyReplicas ?? 0) === 0)
    await watch.next("available again", ({ object }) => object.status?.readyReplicas === 1)
    const shown = await resource.getSubresource<corev1.ReplicationController>(place.name, "status", { namespace })
    assert.equal(shown.kind, "ReplicationController")
    assert.equal(shown.metadata.labels?.["test-rc"], "patched")

    await resource.patch(place.name, "strategic", { spec: { replicas: 2 } }, { namespace, subresource: "scale" })
    await watch.next("scaled", ({ object }) => object.spec?.replicas === 2 && object.status?.readyReplicas === 2)
    await updateObject(t, controllers, place, (draft) => {
      draft.metadata.labels = { ...draft.metadata.labels, "test-rc": "updated" }
    })
    await watch.next("updated", ({ object }) => object.metadata.labels?.["test-rc"] === "updated")
    assert.equal((await resource.list({ labelSelector })).items.length, 1)
    await resource.deleteCollection({ namespace, labelSelector })
    await watch.next("deleted", ({ type }) => type === "DELETED")
  },
)
