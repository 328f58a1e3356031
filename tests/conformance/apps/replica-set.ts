import assert from "node:assert/strict"
import { type appsv1, type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { busybox, isReady, runPod, servingPodSpec, sleepingPod, sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import {
  controllerOf,
  expectScale,
  expectStatusConditions,
  podsWith,
  untilObject,
  untilPods,
  updateObject,
} from "../support/workloads.ts"

const sets = refs.replicasets

async function createSet(
  t: ConformanceContext,
  namespace: string,
  name: string,
  replicas: number,
  options: { labels?: Record<string, string>; spec?: corev1.PodSpec; own?: Record<string, string> } = {},
): Promise<appsv1.ReplicaSet> {
  const labels = options.labels ?? { name }
  return await t.client.resource(sets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace, labels: { ...labels, ...options.own } },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: options.spec ?? sleepingPodSpec() },
    },
  })
}

conformance(
  "[sig-apps] ReplicaSet should serve a basic image on each replica with a public image [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createSet(t, namespace, "basic", 2, { spec: servingPodSpec() })
    const pods = await untilPods(t, namespace, { name: "basic" }, "two are ready", (all) => {
      return all.length === 2 && all.every(isReady)
    })
    for (const { metadata } of pods) {
      const answer = await t.http("GET", `/api/v1/namespaces/${namespace}/pods/${metadata.name}/proxy`)
      assert.equal(answer.text.trim(), metadata.name)
    }
  },
)

conformance(
  "[sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const name = "pod-adoption-release"
    await runPod(t, sleepingPod(namespace, name))
    const { metadata } = await createSet(t, namespace, name, 1)
    const adopted = await untilObject(t, refs.pods, { name, namespace }, "adopted", (pod) => {
      return controllerOf(pod)?.uid === metadata.uid
    })
    assert.deepEqual(controllerOf(adopted), {
      ...{ apiVersion: "apps/v1", kind: "ReplicaSet", name, uid: metadata.uid },
      ...{ controller: true, blockOwnerDeletion: true },
    })
    assert.equal((await podsWith(t, namespace, { name })).length, 1)
    await updateObject(t, refs.pods, { name, namespace }, (pod) => {
      pod.metadata.labels = { name: "not-matching-name" }
    })
    await untilObject(t, refs.pods, { name, namespace }, "released", (pod) => !pod.metadata.ownerReferences?.length)
    await untilPods(t, namespace, { name }, "another one in its place", (pods) => pods.length === 1)
  },
)

conformance("[sig-apps] ReplicaSet Replicaset should have a working scale subresource [Conformance]", async (t) => {
  const namespace = await t.namespace()
  await createSet(t, namespace, "test-rs", 1)
  const place = { name: "test-rs", namespace }
  await untilObject(t, sets, place, "one is ready", ({ status }) => status?.readyReplicas === 1)
  await expectScale(t, sets, place)
  await untilObject(t, sets, place, "four are ready", ({ status }) => status?.readyReplicas === 4)
})

conformance("[sig-apps] ReplicaSet Replace and Patch tests [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-rs", namespace }
  const own = { "test-rs": "patched" }
  await createSet(t, namespace, place.name, 1, { own })
  await untilObject(t, sets, place, "one is ready", ({ status }) => status?.readyReplicas === 1)
  const watch = startWatch(t, sets, { namespace, labelSelector: "test-rs=patched" })
  await updateObject(t, sets, place, (draft) => {
    if (draft.spec) draft.spec.replicas = 2
  })
  await untilObject(t, sets, place, "two are ready", ({ status }) => status?.readyReplicas === 2)
  const container = { name: "main", image: busybox }
  await t.client.resource(sets).patch(
    place.name,
    "strategic",
    {
      metadata: { labels: own },
      spec: { replicas: 3, template: { spec: { terminationGracePeriodSeconds: 1, containers: [container] } } },
    },
    { namespace },
  )
  const patched = await untilObject(t, sets, place, "three are ready", ({ status }) => status?.readyReplicas === 3)
  assert.equal(patched.spec?.replicas, 3)
  assert.equal(patched.spec?.template?.spec?.terminationGracePeriodSeconds, 1)
  await watch.next("all ready", ({ type, object }) => type === "MODIFIED" && object.status?.readyReplicas === 3)
})

conformance("[sig-apps] ReplicaSet should list and delete a collection of ReplicaSets [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const own = { e2e: t.unique("rs") }
  await createSet(t, namespace, "test-rs", 3, { own })
  await untilObject(t, sets, { name: "test-rs", namespace }, "three replicas", ({ status }) => status?.replicas === 3)
  const labelSelector = `e2e=${own.e2e}`
  assert.equal((await t.client.resource(sets).list({ labelSelector })).items.length, 1)
  await t.client.resource(sets).deleteCollection({ namespace, labelSelector })
  await t.until("the set to be gone", async () => {
    return (await t.client.resource(sets).list({ labelSelector })).items.length === 0
  })
})

conformance("[sig-apps] ReplicaSet should validate Replicaset Status endpoints [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-rs", namespace }
  await createSet(t, namespace, place.name, 1)
  await untilObject(t, sets, place, "one is available", ({ status }) => status?.availableReplicas === 1)
  const watch = startWatch(t, sets, { namespace })
  await expectStatusConditions(t, sets, place)
  const has = (object: appsv1.ReplicaSet, type: string) => object.status?.conditions?.some((one) => one.type === type)
  await watch.next("the updated status", ({ object }) => has(object, "StatusUpdate") ?? false)
  await watch.next("the patched status", ({ object }) => has(object, "StatusPatched") ?? false)
})
