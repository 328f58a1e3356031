import assert from "node:assert/strict"
import { type appsv1, type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPod, sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { untilGone, untilObject, untilPods } from "../support/workloads.ts"

const prefix = "[sig-api-machinery] Garbage collector should"
const labels = { "gc-test": "true" }
/** As many as a small cluster starts quickly: the collector does not care where its dependents run. */
const many = 10

async function newController(
  t: ConformanceContext,
  namespace: string,
  name: string,
  replicas: number,
): Promise<corev1.ReplicationController> {
  const own = { ...labels, name }
  const spec = sleepingPodSpec()
  const made = await t.client.resource(refs.replicationcontrollers).create({
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { namespace, name },
    spec: { replicas, selector: own, template: { metadata: { labels: own }, spec } },
  })
  await untilObject(
    t,
    refs.replicationcontrollers,
    { name, namespace },
    "its pods made",
    ({ status }) => (status?.replicas ?? 0) === replicas,
  )
  return made
}

async function newDeployment(t: ConformanceContext, namespace: string): Promise<appsv1.Deployment> {
  const made = await t.client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace, name: "simpletest.deployment" },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: sleepingPodSpec() },
    },
  })
  await t.until("its ReplicaSet", async () => (await setsOf(t, namespace)).length === 1)
  return made
}

const setsOf = async (t: ConformanceContext, namespace: string) =>
  (await t.client.resource(refs.replicasets).list({ namespace })).items

const podsOf = async (t: ConformanceContext, namespace: string) =>
  (await t.client.resource(refs.pods).list({ namespace })).items

const noPods = (t: ConformanceContext, namespace: string): Promise<unknown> =>
  t.until("all pods gone", async () => (await podsOf(t, namespace)).length === 0, 120_000)

conformance(`${prefix} delete pods created by rc when not orphaning [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  await newController(t, namespace, "rc", 2)
  await t.client.resource(refs.replicationcontrollers).delete("rc", { namespace, propagationPolicy: "Background" })
  await noPods(t, namespace)
})

conformance(`${prefix} orphan pods created by rc if delete options say so [Serial] [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  await newController(t, namespace, "rc", many)
  await t.client.resource(refs.replicationcontrollers).delete("rc", { namespace, propagationPolicy: "Orphan" })
  await untilGone(t, refs.replicationcontrollers, { name: "rc", namespace })
  const pods = await podsOf(t, namespace)
  assert.equal(pods.length, many)
  for (const { metadata } of pods) {
    assert.equal(metadata.deletionTimestamp, undefined)
    assert.deepEqual(metadata.ownerReferences ?? [], [])
  }
})

conformance(`${prefix} delete RS created by deployment when not orphaning [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const { metadata } = await newDeployment(t, namespace)
  await t.client.resource(refs.deployments).delete(metadata.name ?? "", { namespace, propagationPolicy: "Background" })
  await t.until("the ReplicaSet gone", async () => (await setsOf(t, namespace)).length === 0)
  await noPods(t, namespace)
})

conformance(
  `${prefix} orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    const { metadata } = await newDeployment(t, namespace)
    const { name = "" } = metadata
    await t.client.resource(refs.deployments).delete(name, { namespace, propagationPolicy: "Orphan" })
    await untilGone(t, refs.deployments, { name, namespace })
    const [set, ...others] = await setsOf(t, namespace)
    assert.deepEqual(others, [])
    assert.equal(set?.metadata.deletionTimestamp, undefined)
    assert.deepEqual(set?.metadata.ownerReferences ?? [], [])
    await untilPods(t, namespace, labels, "are there still", (pods) => pods.length === 2)
  },
)

conformance(
  `${prefix} keep the rc around until all its pods are deleted if the deleteOptions says so [Serial] [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    await newController(t, namespace, "rc", many)
    const resource = t.client.resource(refs.replicationcontrollers)
    await resource.delete("rc", { namespace, propagationPolicy: "Foreground" })
    await t.until(
      "the controller gone, and its pods before it",
      async () => {
        // The order of the questions matters: pods that are there now were there when the controller was.
        const pods = await podsOf(t, namespace)
        const { items } = await resource.list({ namespace })
        if (items.length > 0) {
          assert.ok(items[0]?.metadata.finalizers?.includes("foregroundDeletion"))
          return false
        }
        assert.equal((await podsOf(t, namespace)).length, 0, `of ${pods.length} pods some outlived their controller`)
        return true
      },
      120_000,
    )
  },
)

conformance(
  `${prefix} not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted [Serial] [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    await newController(t, namespace, "rc1", many)
    const second = await newController(t, namespace, "rc2", 0)
    const pods = await podsOf(t, namespace)
    const shared = pods.slice(0, many / 2)
    for (const { metadata } of shared) {
      const reference = {
        ...{ apiVersion: "v1", kind: "ReplicationController", name: "rc2" },
        uid: second.metadata.uid ?? "",
      }
      await t.client
        .resource(refs.pods)
        .patch(metadata.name ?? "", "strategic", { metadata: { ownerReferences: [reference] } }, { namespace })
    }
    const resource = t.client.resource(refs.replicationcontrollers)
    await resource.delete("rc1", { namespace, propagationPolicy: "Foreground" })
    await untilGone(t, refs.replicationcontrollers, { name: "rc1", namespace }, 120_000)
    const left = await podsOf(t, namespace)
    assert.deepEqual(
      left.map(({ metadata }) => metadata.name).sort(),
      shared.map(({ metadata }) => metadata.name).sort(),
    )
    for (const { metadata } of left) {
      assert.equal(metadata.deletionTimestamp, undefined)
      assert.deepEqual(
        metadata.ownerReferences?.map(({ name }) => name),
        ["rc2"],
      )
    }
  },
)

conformance(`${prefix} not be blocked by dependency circle [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.pods)
  const pods: corev1.Pod[] = []
  for (const name of ["pod1", "pod2", "pod3"]) pods.push(await resource.create(sleepingPod(namespace, name)))
  const own = async (at: number, owner: number): Promise<void> => {
    const { name = "", uid = "" } = pods[owner]?.metadata ?? {}
    const reference = { apiVersion: "v1", kind: "Pod", name, uid, controller: true, blockOwnerDeletion: true }
    const patch = { metadata: { ownerReferences: [reference] } }
    await resource.patch(pods[at]?.metadata.name ?? "", "strategic", patch, { namespace })
  }
  await own(0, 2)
  await own(1, 0)
  await own(2, 1)
  await resource.delete("pod1", { namespace, propagationPolicy: "Foreground" })
  await noPods(t, namespace)
})
