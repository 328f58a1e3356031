import assert from "node:assert/strict"
import { type corev1, refs, type schedulingv1 } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { runPod, sleepingPod, sleepingPodSpec, untilPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { selectorText, untilGone, untilObject, updateObject } from "../support/workloads.ts"
import { exactly, extendedResource, onNode, priorityClass, usableNodes } from "./helpers.ts"

/** Each has a resource of its own: what they preempt is theirs. */
const together = { serial: false }

const dropFinalizers = ({ metadata }: corev1.Pod): void => {
  metadata.finalizers = []
}

/** Fills two thirds of each node: the first with a low priority, the others with a medium one. */
async function fillNodes(t: ConformanceContext, namespace: string): Promise<{ resource: string; pods: corev1.Pod[] }> {
  const low = await priorityClass(t, "low-priority", 1)
  const medium = await priorityClass(t, "medium-priority", 100)
  const nodes = await usableNodes(t)
  assert.ok(nodes.length > 1, "needs two nodes")
  const resource = await extendedResource(t, nodes, 3)
  const pods = await Promise.all(
    nodes.map((node, index) => {
      const spec = { priorityClassName: index === 0 ? low : medium, affinity: onNode(node) }
      return runPod(t, sleepingPod(namespace, `pod${index}`, spec, exactly({ [resource]: "2" })))
    }),
  )
  return { resource, pods }
}

/** The first pod is gone or goes; the others stay. */
async function expectFirstPreempted(t: ConformanceContext, pods: readonly corev1.Pod[]): Promise<void> {
  for (const [index, { metadata }] of pods.entries()) {
    const { name = "", namespace = "", uid } = metadata
    const live = await t.client
      .resource(refs.pods)
      .get(name, { namespace })
      .catch((error: unknown) => {
        if (isStatus(error, "NotFound")) return undefined
        throw error
      })
    const isLeaving = live?.metadata.uid !== uid || live?.metadata.deletionTimestamp !== undefined
    assert.equal(isLeaving, index === 0, name)
  }
}

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] validates basic preemption works [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const high = await priorityClass(t, "high-priority", 1000)
    const { resource, pods } = await fillNodes(t, namespace)
    const preemptor = sleepingPod(namespace, "preemptor", { priorityClassName: high }, exactly({ [resource]: "2" }))
    const running = await runPod(t, preemptor)
    assert.equal(running.spec?.nodeName, pods[0]?.spec?.nodeName)
    await expectFirstPreempted(t, pods)
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] validates lower priority pod preemption by critical pod [Conformance]",
  async (t) => {
    const { resource, pods } = await fillNodes(t, await t.namespace())
    const name = t.unique("critical-pod")
    const spec = { priorityClassName: "system-cluster-critical" }
    t.defer(() => t.client.resource(refs.pods).delete(name, { namespace: "kube-system", gracePeriodSeconds: 0 }))
    const running = await runPod(t, sleepingPod("kube-system", name, spec, exactly({ [resource]: "2" })))
    assert.equal(running.spec?.priority, 2_000_000_000)
    await expectFirstPreempted(t, pods)
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] validates pod disruption condition is added to the preempted pod [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const low = await priorityClass(t, "low-priority", 1)
    const high = await priorityClass(t, "high-priority", 1000)
    const [node = ""] = await usableNodes(t)
    const resource = await extendedResource(t, [node], 1)
    const one = exactly({ [resource]: "1" })
    const victim = sleepingPod(namespace, "victim", { priorityClassName: low }, one)
    const finalizer = "example.com/test-finalizer"
    victim.metadata.finalizers = [finalizer]
    const place = { name: "victim", namespace }
    t.defer(() => updateObject(t, refs.pods, place, dropFinalizers))
    await runPod(t, victim)
    await t.client.resource(refs.pods).create(sleepingPod(namespace, "preemptor", { priorityClassName: high }, one))
    const leaving = await untilObject(t, refs.pods, place, "leaving", ({ metadata }) => metadata.deletionTimestamp)
    const condition = leaving.status?.conditions?.find(({ type }) => type === "DisruptionTarget")
    assert.equal(condition?.status, "True")
    assert.equal(condition?.reason, "PreemptionByScheduler")
    await updateObject(t, refs.pods, place, dropFinalizers)
    await untilGone(t, refs.pods, place)
    await untilPod(t, sleepingPod(namespace, "preemptor"), "running", ({ status }) => status?.phase === "Running")
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] PreemptionExecutionPath runs ReplicaSets to verify preemption running path [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const [node = ""] = await usableNodes(t)
    const resource = await extendedResource(t, [node], 1000)
    const watch = startWatch(t, refs.pods, { namespace })
    const place = (level: number) => ({ name: `rs-pod${level}`, namespace })
    const createSet = async (level: number, replicas: number, amount: number): Promise<void> => {
      const labels = { name: `pod${level}` }
      const priorityClassName = await priorityClass(t, `p${level}`, level)
      const spec = sleepingPodSpec(
        { priorityClassName, affinity: onNode(node) },
        exactly({ [resource]: String(amount) }),
      )
      await t.client.resource(refs.replicasets).create({
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: place(level),
        spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      })
    }
    // 450 + 150 + 250 of 1000: the fourth, which wants 500, must drive out those with the lowest priorities.
    const sizes = [
      { replicas: 5, amount: 90 },
      { replicas: 4, amount: 30 },
      { replicas: 4, amount: 80 },
    ]
    for (const [index, { replicas, amount }] of sizes.entries()) {
      await createSet(index + 1, replicas, amount)
      const isReady = ({ status }: { status?: { readyReplicas?: number } }) => status?.readyReplicas === replicas
      await untilObject(t, refs.replicasets, place(index + 1), "ready", isReady)
    }
    await createSet(4, 1, 500)
    await untilObject(t, refs.replicasets, place(4), "ready", ({ status }) => status?.readyReplicas === 1)
    // They end at once: nothing but their deletion is seen. Those that take their places wait without a node.
    const preempted = watch.events.filter(({ type, object }) => type === "DELETED" && object.spec?.nodeName)
    assert.ok(preempted.length > 0, "nobody was driven out")
    assert.deepEqual([...new Set(preempted.map(({ object }) => object.metadata.labels?.["name"]))], ["pod1"])
    // The others are whole.
    for (const level of [2, 3]) {
      const { status } = await t.client.resource(refs.replicasets).get(place(level).name, { namespace })
      assert.equal(status?.readyReplicas, sizes[level - 1]?.replicas)
    }
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]",
  async (t) => {
    const resource = t.client.resource(refs.priorityclasses)
    const labels = { e2e: t.unique("priority") }
    const names: string[] = []
    for (const value of [1, 2]) {
      const name = t.unique(`p${value}`)
      names.push(name)
      t.defer(() => resource.delete(name))
      await resource.create({
        apiVersion: "scheduling.k8s.io/v1",
        kind: "PriorityClass",
        metadata: { name, labels },
        value,
      })
    }
    const [one = "", two = ""] = names
    assert.equal((await resource.list({ labelSelector: selectorText(labels) })).items.length, 2)
    const isInvalid = (error: unknown) => isStatus(error, "Invalid")
    const update = (name: string, change: (draft: schedulingv1.PriorityClass) => void) =>
      updateObject(t, refs.priorityclasses, { name }, change)

    // Mutable fields.
    assert.equal((await resource.patch(one, "strategic", { description: "new" })).description, "new")
    assert.equal(
      (
        await update(two, (draft) => {
          draft.description = "new"
        })
      ).description,
      "new",
    )
    // Immutable ones.
    await assert.rejects(resource.patch(one, "json", [{ op: "replace", path: "/value", value: 10 }]), isInvalid)
    await assert.rejects(
      update(two, (draft) => {
        draft.value = 10
      }),
      isInvalid,
    )
    await assert.rejects(
      update(two, (draft) => {
        draft.preemptionPolicy = "Never"
      }),
      isInvalid,
    )
    assert.equal((await resource.get(one)).value, 1)
    assert.equal((await resource.get(two)).value, 2)
  },
  together,
)
