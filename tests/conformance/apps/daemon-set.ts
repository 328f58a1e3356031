import assert from "node:assert/strict"
import { type appsv1, type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { isReady, sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { expectStatusConditions, selectorText, untilObject, untilPods, updateObject } from "../support/workloads.ts"

const sets = refs.daemonsets
/** Pods on every node disturb nobody here: these need not run alone. */
const together = { serial: false }

async function createSet(
  t: ConformanceContext,
  place: { name: string; namespace: string },
  spec: corev1.PodSpec = sleepingPodSpec(),
  options: { own?: Record<string, string>; strategy?: appsv1.DaemonSetUpdateStrategy } = {},
): Promise<appsv1.DaemonSet> {
  const labels = { "daemonset-name": place.name }
  return await t.client.resource(sets).create({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { ...place, labels: { ...labels, ...options.own } },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
      ...(options.strategy ? { updateStrategy: options.strategy } : {}),
    },
  })
}

/** The nodes that a DaemonSet without tolerations goes to. */
async function usableNodes(t: ConformanceContext): Promise<string[]> {
  const { items } = await t.client.resource(refs.nodes).list()
  return items
    .filter(({ spec }) => !spec?.unschedulable && !spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule"))
    .map(({ metadata }) => metadata.name ?? "")
    .sort()
}

/** Waits until there is one ready pod on each of these nodes and no other. */
async function untilOn(
  t: ConformanceContext,
  place: { name: string; namespace: string },
  nodes: readonly string[],
  isWanted: (pod: corev1.Pod) => boolean = () => true,
): Promise<corev1.Pod[]> {
  const labels = { "daemonset-name": place.name }
  return await untilPods(t, place.namespace, labels, `one on each of ${nodes}`, (pods) => {
    const on = pods.map(({ spec }) => spec?.nodeName ?? "").sort()
    return on.join() === nodes.join() && pods.every((pod) => isReady(pod) && isWanted(pod))
  })
}

const uidsOf = (pods: readonly corev1.Pod[]): string[] => pods.map(({ metadata }) => metadata.uid ?? "").sort()

conformance(
  "[sig-apps] Daemon set [Serial] should run and stop simple daemon [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    await createSet(t, place)
    const nodes = await usableNodes(t)
    const [first, ...others] = await untilOn(t, place, nodes)
    await t.client.resource(refs.pods).delete(first?.metadata.name ?? "", { namespace })
    const after = await untilOn(t, place, nodes, ({ metadata }) => metadata.uid !== first?.metadata.uid)
    for (const uid of uidsOf(others)) assert.ok(uidsOf(after).includes(uid), "the others stay")
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should run and stop complex daemon [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    const key = t.unique("daemonset-color")
    const [node = ""] = await usableNodes(t)
    const paint = (color: string | null) =>
      t.client.resource(refs.nodes).patch(node, "merge", { metadata: { labels: { [key]: color } } })
    t.defer(() => paint(null))
    await createSet(t, place, sleepingPodSpec({ nodeSelector: { [key]: "blue" } }))
    const status = (wanted: number) =>
      untilObject(t, sets, place, `wanted on ${wanted}`, ({ metadata, status: now }) => {
        return now?.observedGeneration === metadata.generation && now?.desiredNumberScheduled === wanted
      })
    await status(0)
    await untilOn(t, place, [])
    await paint("blue")
    await untilOn(t, place, [node])
    await status(1)
    await paint("green")
    await untilOn(t, place, [])
    const type = { updateStrategy: { type: "RollingUpdate" } }
    const template = { spec: { nodeSelector: { [key]: "green" } } }
    await t.client.resource(sets).patch(place.name, "merge", { spec: { ...type, template } }, { namespace })
    await untilOn(t, place, [node])
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should retry creating failed daemon pods [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    await createSet(t, place)
    const nodes = await usableNodes(t)
    const [first] = await untilOn(t, place, nodes)
    const failed = { name: first?.metadata.name ?? "", namespace }
    await updateObject(
      t,
      refs.pods,
      failed,
      (draft) => {
        if (draft.status) draft.status.phase = "Failed"
      },
      "status",
    )
    await untilOn(t, place, nodes, ({ metadata }) => metadata.uid !== first?.metadata.uid)
    await t.until("the failed pod to be gone", async () => {
      const { items } = await t.client.resource(refs.pods).list({ namespace })
      return items.every(({ metadata }) => metadata.uid !== first?.metadata.uid)
    })
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    const created = await createSet(t, place, sleepingPodSpec(), { strategy: { type: "RollingUpdate" } })
    const nodes = await usableNodes(t)
    const before = await untilOn(t, place, nodes)
    const hashes = new Set(before.map(({ metadata }) => metadata.labels?.["controller-revision-hash"]))
    assert.equal(hashes.size, 1)
    const env = [{ name: "VARIANT", value: "new" }]
    await t.client
      .resource(sets)
      .patch(
        place.name,
        "strategic",
        { spec: { template: { spec: { containers: [{ name: "main", env }] } } } },
        { namespace },
      )
    const after = await untilOn(t, place, nodes, ({ spec }) => spec?.containers[0]?.env?.[0]?.value === "new")
    for (const { metadata } of after) assert.ok(!hashes.has(metadata.labels?.["controller-revision-hash"]))
    await untilObject(t, sets, place, "all are updated", ({ metadata, status }) => {
      assert.equal(metadata.generation, (created.metadata.generation ?? 0) + 1)
      return status?.updatedNumberScheduled === nodes.length && status.observedGeneration === metadata.generation
    })
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should rollback without unnecessary restarts [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    const created = await createSet(t, place, sleepingPodSpec(), { strategy: { type: "RollingUpdate" } })
    const nodes = await usableNodes(t)
    assert.ok(nodes.length > 1, "needs two nodes")
    const before = await untilOn(t, place, nodes)
    const setCommand = (command: string[] | undefined) =>
      updateObject(t, sets, place, ({ spec }) => {
        const container = spec?.template.spec?.containers[0]
        if (container && command) container.command = command
      })
    await setCommand(["/none"])
    await untilPods(t, namespace, { "daemonset-name": place.name }, "one is replaced", (pods) => {
      return pods.some(({ spec }) => spec?.containers[0]?.command?.[0] === "/none")
    })
    await setCommand(created.spec?.template.spec?.containers[0]?.command)
    const after = await untilOn(t, place, nodes, ({ spec }) => spec?.containers[0]?.command?.[0] === "sh")
    // One at a time is replaced: all others never saw the broken template, and are the same pods as before.
    const kept = uidsOf(after).filter((uid) => uidsOf(before).includes(uid))
    assert.equal(kept.length, nodes.length - 1)
    for (const pod of after) {
      if (kept.includes(pod.metadata.uid ?? "")) assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0)
    }
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should list and delete a collection of DaemonSets [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    const own = { e2e: t.unique("ds") }
    const labelSelector = selectorText(own)
    await createSet(t, place, sleepingPodSpec(), { own })
    await untilOn(t, place, await usableNodes(t))
    assert.equal((await t.client.resource(sets).list({ labelSelector })).items.length, 1)
    await t.client.resource(sets).deleteCollection({ namespace, labelSelector })
    await t.until("the set to be gone", async () => {
      return (await t.client.resource(sets).list({ labelSelector })).items.length === 0
    })
    await untilOn(t, place, [])
  },
  together,
)

conformance(
  "[sig-apps] Daemon set [Serial] should verify changes to a daemon set status [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    await createSet(t, place)
    await untilOn(t, place, await usableNodes(t))
    const watch = startWatch(t, sets, { namespace })
    await expectStatusConditions(t, sets, place)
    const has = (object: appsv1.DaemonSet, type: string) => object.status?.conditions?.some((one) => one.type === type)
    await watch.next("the updated status", ({ object }) => has(object, "StatusUpdate") ?? false)
    await watch.next("the patched status", ({ object }) => has(object, "StatusPatched") ?? false)
  },
  together,
)

conformance(
  "[sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "daemon-set", namespace }
    const created = await createSet(t, place)
    await untilOn(t, place, await usableNodes(t))
    const revisions = t.client.resource(refs.controllerrevisions)
    const labelSelector = `daemonset-name=${place.name}`
    const listed = async () => (await revisions.list({ labelSelector })).items.filter(isOwned)
    const isOwned = ({ metadata }: appsv1.ControllerRevision): boolean => metadata.namespace === namespace
    const [initial, ...others] = await listed()
    assert.ok(initial && others.length === 0, "one revision")
    const name = initial.metadata.name ?? ""
    const patched = await revisions.patch(name, "merge", { metadata: { labels: { [name]: "patched" } } }, { namespace })
    assert.equal(patched.metadata.labels?.[name], "patched")

    const { creationTimestamp: _, resourceVersion: __, uid: ___, ...metadata } = initial.metadata
    const second = `${place.name}-second`
    const data = initial.data
    assert.ok(data)
    const owners = initial.metadata.ownerReferences ?? []
    await revisions.create({
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: { ...metadata, name: second, managedFields: [] },
      data,
      revision: initial.revision + 1,
    })
    assert.equal(owners[0]?.uid, created.metadata.uid)
    assert.equal((await listed()).length, 2)
    await revisions.delete(name, { namespace })
    await t.until("another revision in place of the deleted one", async () => {
      const left = await listed()
      return left.every((one) => one.metadata.uid !== initial.metadata.uid) && left.length === 1
    })
    await updateObject(t, refs.controllerrevisions, { name: second, namespace }, (draft) => {
      draft.metadata.labels = { ...draft.metadata.labels, [second]: "updated" }
    })
    const grace = { spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } }, updateStrategy: {} }
    await t.client.resource(sets).patch(place.name, "strategic", { spec: grace.spec }, { namespace })
    await t.until("a revision of the new template", async () => (await listed()).length === 2)
    const updatedLabel = `${second}=updated`
    await revisions.deleteCollection({ namespace, labelSelector: updatedLabel })
    await t.until("one revision", async () => (await listed()).length === 1)
    assert.equal((await listed())[0]?.revision, initial.revision + 2)
  },
  together,
)
