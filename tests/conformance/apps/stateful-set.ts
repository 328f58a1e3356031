import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { runPod, sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { expectScale, expectStatusConditions, podsWith, selectorText, untilObject } from "../support/workloads.ts"
import {
  breakProbes,
  createSet,
  labelsOf,
  mendProbes,
  namesOf,
  setReplicas,
  untilMembers,
} from "./stateful-set-helpers.ts"

const sets = refs.statefulsets
const prefix = "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]"
const members = (count: number): string[] => Array.from({ length: count }, (_, ordinal) => `ss-${ordinal}`)

conformance(
  `${prefix} Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow] [Conformance]`,
  async (t) => {
    const place = { name: "ss", namespace: await t.namespace() }
    const watch = startWatch(t, refs.pods, { namespace: place.namespace, labelSelector: selectorText(labelsOf(place)) })
    await createSet(t, place, 1)
    await untilMembers(t, place, 1)
    await breakProbes(t, place)
    await setReplicas(t, place, 3)
    const count = async () => (await podsWith(t, place.namespace, labelsOf(place))).length
    await t.stays("one member while it is not ready", async () => (await count()) === 1, 4000)
    await mendProbes(t, place, members(1))
    await untilMembers(t, place, 3)
    const eventsOf = (type: string) =>
      watch.events.filter((event) => event.type === type).map(({ object }) => object.metadata.name)
    assert.deepEqual(eventsOf("ADDED"), members(3))

    await breakProbes(t, place)
    await setReplicas(t, place, 0)
    await t.stays("three members while none is ready", async () => (await count()) === 3, 4000)
    await mendProbes(t, place, members(3))
    await t.until("all members to be gone", async () => eventsOf("DELETED").length === 3)
    assert.deepEqual(eventsOf("DELETED"), members(3).reverse())
  },
)

conformance(
  `${prefix} Burst scaling should run to completion even with unhealthy pods [Slow] [Conformance]`,
  async (t) => {
    const place = { name: "ss", namespace: await t.namespace() }
    await createSet(t, place, 1, { spec: { podManagementPolicy: "Parallel" } })
    await untilMembers(t, place, 1)
    await breakProbes(t, place)
    await setReplicas(t, place, 3)
    const names = async () => namesOf(await podsWith(t, place.namespace, labelsOf(place)))
    await t.until("three members though one is not ready", async () => (await names()) === members(3).join(" "))
    await mendProbes(t, place, members(1))
    await untilMembers(t, place, 3)
    await breakProbes(t, place)
    await setReplicas(t, place, 0)
    await t.until("no member though none is ready", async () => (await names()) === "")
    await untilObject(t, sets, place, "of no pods", ({ status }) => status?.replicas === 0)
  },
)

conformance(`${prefix} Should recreate evicted statefulset [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const place = { name: "ss", namespace }
  const { items } = await t.client.resource(refs.nodes).list()
  const nodeName = items.find(({ spec }) => !spec?.unschedulable && !spec?.taints?.length)?.metadata.name ?? ""
  const ports = [{ containerPort: 8080, hostPort: 21017, name: "conflict" }]
  await runPod(t, sleepingPod(namespace, "test-pod", { nodeName }, { ports }))
  const watch = startWatch(t, refs.pods, { namespace, labelSelector: selectorText(labelsOf(place)) })
  await createSet(t, place, 1, { pod: { nodeName }, container: { ports } })
  const first = await watch.next("added", ({ type }) => type === "ADDED")
  const { uid } = first.object.metadata
  const refused = await watch.next("refused by the node", ({ object }) => object.status?.phase === "Failed")
  assert.equal(refused.object.status?.reason, "NodePorts")
  await watch.next("deleted", ({ type, object }) => type === "DELETED" && object.metadata.uid === uid)
  await t.client.resource(refs.pods).delete("test-pod", { namespace })
  const [member] = await untilMembers(t, place, 1)
  assert.notEqual(member?.metadata.uid, uid)
})

conformance(`${prefix} should have a working scale subresource [Conformance]`, async (t) => {
  const place = { name: "ss", namespace: await t.namespace() }
  await createSet(t, place, 1)
  await untilObject(t, sets, place, "one is ready", ({ status }) => status?.readyReplicas === 1)
  await expectScale(t, sets, place, 3)
  await untilObject(t, sets, place, "three are ready", ({ status }) => status?.readyReplicas === 3)
})

conformance(`${prefix} should list, patch and delete a collection of StatefulSets [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-ss", namespace }
  const own = { e2e: t.unique("ss") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(sets)
  await createSet(t, place, 1, { own })
  await untilMembers(t, place, 1)
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  const env = [{ name: "VARIANT", value: "patched" }]
  const template = { spec: { containers: [{ name: "main", env }] } }
  const body = { metadata: { labels: { "test-ss": "patched" } }, spec: { replicas: 2, template } }
  await resource.patch(place.name, "strategic", body, { namespace })
  const patched = await untilObject(t, sets, place, "two are updated", ({ spec, status }) => {
    return spec?.replicas === 2 && status?.readyReplicas === 2 && status.updatedReplicas === 2
  })
  assert.equal(patched.metadata.labels?.["test-ss"], "patched")
  assert.deepEqual(patched.spec?.template.spec?.containers[0]?.env, env)
  await resource.deleteCollection({ namespace, labelSelector })
  await t.until("the set to be gone", async () => (await resource.list({ labelSelector })).items.length === 0)
})

conformance(`${prefix} should validate Statefulset Status endpoints [Conformance]`, async (t) => {
  const place = { name: "ss", namespace: await t.namespace() }
  await createSet(t, place, 1)
  await untilMembers(t, place, 1)
  const watch = startWatch(t, sets, { namespace: place.namespace })
  await expectStatusConditions(t, sets, place)
  const has = (type: string) => (event: { object: { status?: { conditions?: readonly { type: string }[] } } }) =>
    event.object.status?.conditions?.some((one) => one.type === type) ?? false
  await watch.next("the updated status", has("StatusUpdate"))
  await watch.next("the patched status", has("StatusPatched"))
})

const variantOf = ({ spec }: corev1.Pod): string => spec?.containers[0]?.env?.[0]?.value ?? ""
const revisionOf = ({ metadata }: corev1.Pod): string => metadata.labels?.["controller-revision-hash"] ?? ""
const variant = (value: string) => ({ env: [{ name: "VARIANT", value }] })
const templateOf = (value: string) => ({ template: { spec: { containers: [{ name: "main", ...variant(value) }] } } })

conformance(
  `${prefix} should perform rolling updates and roll backs of template modifications [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "ss", namespace }
    const resource = t.client.resource(sets)
    await createSet(t, place, 3, { container: variant("one") })
    await untilMembers(t, place, 3)
    const first = await untilObject(t, sets, place, "at rest", ({ status }) => {
      return status?.currentRevision !== undefined && status.currentRevision === status.updateRevision
    })
    const { metadata } = await t.client.resource(refs.pods).list({ namespace })
    const watch = startWatch(t, refs.pods, { namespace, resourceVersion: metadata.resourceVersion ?? "" })
    const roll = async (value: string): Promise<{ current: string; update: string }> => {
      const before = watch.events.length
      await resource.patch(place.name, "strategic", { spec: templateOf(value) }, { namespace })
      const begun = await untilObject(t, sets, place, "begun", ({ status }) => {
        return status?.updateRevision !== status?.currentRevision
      })
      await untilMembers(
        t,
        place,
        3,
        (pod) => variantOf(pod) === value && revisionOf(pod) === begun.status?.updateRevision,
      )
      const deleted = watch.events.slice(before).filter(({ type }) => type === "DELETED")
      assert.deepEqual(
        deleted.map(({ object }) => object.metadata.name),
        members(3).reverse(),
      )
      const done = await untilObject(t, sets, place, "at rest", ({ status }) => {
        return status?.currentRevision === begun.status?.updateRevision
      })
      assert.equal(done.status?.updateRevision, done.status?.currentRevision)
      return { current: begun.status?.currentRevision ?? "", update: begun.status?.updateRevision ?? "" }
    }
    const forth = await roll("two")
    assert.equal(forth.current, first.status?.currentRevision)
    assert.notEqual(forth.update, forth.current)
    const back = await roll("one")
    assert.deepEqual(back, { current: forth.update, update: forth.current })
  },
)

conformance(
  `${prefix} should perform canary updates and phased rolling updates of template modifications [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "ss", namespace }
    const resource = t.client.resource(sets)
    await createSet(t, place, 3, { container: variant("old") })
    await untilMembers(t, place, 3)
    const patch = (spec: object) => resource.patch(place.name, "strategic", { spec }, { namespace })
    const partition = (from: number) => ({
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: from } },
    })
    const untilNewFrom = (from: number) =>
      untilMembers(t, place, 3, (pod) => {
        const ordinal = Number(pod.metadata.name?.slice("ss-".length))
        return variantOf(pod) === (ordinal >= from ? "new" : "old")
      })
    // Nothing changes while the partition is above all members.
    await patch({ ...partition(3), ...templateOf("new") })
    const begun = await untilObject(t, sets, place, "a new revision", ({ status }) => {
      return status?.updateRevision !== status?.currentRevision
    })
    await untilNewFrom(3)
    await patch(partition(2))
    await untilNewFrom(2)
    // A member that goes away comes back as its side of the partition has it.
    for (const name of ["ss-0", "ss-2"]) {
      const { metadata } = await t.client.resource(refs.pods).get(name, { namespace })
      await t.client.resource(refs.pods).delete(name, { namespace })
      await untilMembers(t, place, 3, (pod) => pod.metadata.uid !== metadata.uid)
      await untilNewFrom(2)
    }
    for (const [ordinal, pod] of (await untilNewFrom(2)).entries()) {
      const { currentRevision, updateRevision } = begun.status ?? {}
      assert.equal(revisionOf(pod), ordinal < 2 ? currentRevision : updateRevision)
    }
    await patch(partition(1))
    await untilNewFrom(1)
    await patch(partition(0))
    await untilNewFrom(0)
    await untilObject(t, sets, place, "done", ({ status }) => status?.currentRevision === begun.status?.updateRevision)
  },
)
