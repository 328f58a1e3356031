import assert from "node:assert/strict"
import { type appsv1, type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import {
  controllerOf,
  expectScale,
  expectStatusConditions,
  selectorText,
  untilGone,
  untilObject,
  untilPods,
  updateObject,
} from "../support/workloads.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

const deployments = refs.deployments
const revisionKey = "deployment.kubernetes.io/revision"

/** Another template of the same kind of pod: an environment variable tells it apart. */
const variant = (name: string): corev1.PodSpec => sleepingPodSpec({}, { env: [{ name: "VARIANT", value: name }] })
/** A template whose pods never run. */
const broken = (): corev1.PodSpec => sleepingPodSpec({}, { command: ["/none"] })

function newDeployment(
  place: { name: string; namespace: string },
  replicas: number,
  spec: Partial<appsv1.DeploymentSpec> = {},
  template: corev1.PodSpec = sleepingPodSpec(),
): Deployment {
  const labels = { name: place.name }
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { ...place, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template },
      ...spec,
    },
  }
}

function setTemplate(draft: Deployment, spec: corev1.PodSpec): void {
  if (draft.spec?.template) draft.spec.template.spec = spec
}

const isComplete = ({ metadata, spec, status }: Deployment): boolean =>
  status?.observedGeneration === metadata.generation &&
  status?.updatedReplicas === spec?.replicas &&
  status?.replicas === spec?.replicas &&
  status?.availableReplicas === spec?.replicas

/** The ReplicaSets of a Deployment, the newest revision last. */
async function setsOf(t: ConformanceContext, { metadata }: Deployment): Promise<ReplicaSet[]> {
  const { items } = await t.client.resource(refs.replicasets).list({ namespace: metadata.namespace ?? "" })
  const revision = (set: ReplicaSet): bigint => BigInt(set.metadata.annotations?.[revisionKey] ?? 0)
  return items
    .filter((set) => controllerOf(set)?.uid === metadata.uid)
    .sort((a, b) => (revision(a) < revision(b) ? -1 : 1))
}

/** A ReplicaSet that no Deployment has yet. */
async function createSet(
  t: ConformanceContext,
  namespace: string,
  name: string,
  labels: Record<string, string>,
  annotations: Record<string, string> = {},
): Promise<void> {
  await t.client.resource(refs.replicasets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, namespace, labels, annotations },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: variant("before") },
    },
  })
  await untilObject(t, refs.replicasets, { name, namespace }, "ready", ({ status }) => status?.readyReplicas === 1)
}

conformance(
  "[sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "test-rolling-update", namespace }
    // More than 2^53: revisions are integers of 64 bits.
    const annotations = { [revisionKey]: "3546343826724305832" }
    await createSet(t, namespace, "test-rolling-update-controller", { name: place.name }, annotations)
    await t.client.resource(deployments).create(newDeployment(place, 1))
    const done = await untilObject(t, deployments, place, "complete", isComplete)
    assert.equal(done.metadata.annotations?.[revisionKey], "3546343826724305833")
    const [old, fresh, ...others] = await setsOf(t, done)
    assert.equal(others.length, 0)
    assert.equal(old?.metadata.name, "test-rolling-update-controller")
    assert.equal(old?.spec?.replicas, 0)
    assert.equal(fresh?.spec?.replicas, 1)
    const hash = fresh?.metadata.labels?.["pod-template-hash"]
    assert.ok(hash && fresh.metadata.name === `${place.name}-${hash}`)
    assert.equal(fresh.spec?.selector.matchLabels?.["pod-template-hash"], hash)
  },
)

conformance(
  "[sig-apps] Deployment RecreateDeployment should delete old pods and create new ones [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "test-recreate", namespace }
    await t.client.resource(deployments).create(newDeployment(place, 1, { strategy: { type: "Recreate" } }))
    const before = await untilObject(t, deployments, place, "complete", isComplete)
    const resourceVersion = before.metadata.resourceVersion ?? ""
    const watch = startWatch(t, deployments, { namespace, resourceVersion })
    const updated = await updateObject(t, deployments, place, (draft) => setTemplate(draft, variant("new")))
    await watch.next(
      "complete",
      ({ object }) => {
        return (object.metadata.generation ?? 0) >= (updated.metadata.generation ?? 0) && isComplete(object)
      },
      90_000,
    )
    for (const { object } of watch.events) {
      const { updatedReplicas = 0, replicas = 0, observedGeneration } = object.status ?? {}
      if (observedGeneration !== updated.metadata.generation || updatedReplicas === 0) continue
      assert.equal(updatedReplicas, replicas, "old and new pods at once")
    }
  },
)

conformance("[sig-apps] Deployment deployment should delete old replica sets [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-cleanup", namespace }
  await createSet(t, namespace, "test-cleanup-controller", { name: place.name })
  const { metadata } = await t.client.resource(refs.pods).list({ namespace })
  const pods = startWatch(t, refs.pods, { namespace, resourceVersion: metadata.resourceVersion ?? "" })
  await t.client.resource(deployments).create(newDeployment(place, 1, { revisionHistoryLimit: 0 }))
  await untilGone(t, refs.replicasets, { name: "test-cleanup-controller", namespace })
  await untilObject(t, deployments, place, "complete", isComplete)
  const created = pods.events.filter(({ type }) => type === "ADDED")
  assert.equal(created.length, 1, "no pod is made again")
})

conformance("[sig-apps] Deployment deployment should support rollover [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-rollover", namespace }
  await createSet(t, namespace, "test-rollover-controller", { name: place.name })
  const rollingUpdate = { maxUnavailable: 0, maxSurge: 1 }
  const strategy = { type: "RollingUpdate", rollingUpdate }
  const spec = { strategy, minReadySeconds: 3 }
  const created = await t.client.resource(deployments).create(newDeployment(place, 1, spec, broken()))
  await t.until("the ReplicaSet of pods that never run", async () => {
    const [old, fresh] = await setsOf(t, created)
    return old?.status?.replicas === 1 && fresh?.status?.replicas === 1 && fresh.status.observedGeneration
  })
  await updateObject(t, deployments, place, (draft) => setTemplate(draft, variant("good")))
  const done = await untilObject(t, deployments, place, "complete", isComplete)
  assert.equal(done.metadata.annotations?.[revisionKey], "2")
  const sets = await setsOf(t, done)
  assert.deepEqual(
    sets.map((set) => set.spec?.replicas),
    [0, 0, 1],
  )
})

conformance("[sig-apps] Deployment deployment should support proportional scaling [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "webserver-deployment", namespace }
  const rollingUpdate = { maxUnavailable: 2, maxSurge: 3 }
  const strategy = { type: "RollingUpdate", rollingUpdate }
  const created = await t.client.resource(deployments).create(newDeployment(place, 10, { strategy }))
  await untilObject(t, deployments, place, "complete", isComplete)
  await updateObject(t, deployments, place, (draft) => setTemplate(draft, broken()))
  const sizes = async (): Promise<string> => {
    const sets = await setsOf(t, created)
    return sets.map(({ spec, status }) => `${spec?.replicas}/${status?.replicas ?? 0}`).join(" ")
  }
  await t.until("8 old pods and 5 new ones", async () => (await sizes()) === "8/8 5/5")
  await updateObject(t, deployments, place, (draft) => {
    if (draft.spec) draft.spec.replicas = 30
  })
  await t.until("20 old pods and 13 new ones", async () => (await sizes()) === "20/20 13/13")
})

conformance("[sig-apps] Deployment Deployment should have a working scale subresource [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-new-deployment", namespace }
  await t.client.resource(deployments).create(newDeployment(place, 1))
  await untilObject(t, deployments, place, "complete", isComplete)
  await expectScale(t, deployments, place)
  await untilObject(t, deployments, place, "of four", isComplete)
})

conformance("[sig-apps] Deployment should validate Deployment Status endpoints [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-deployment", namespace }
  await t.client.resource(deployments).create(newDeployment(place, 1))
  await untilObject(t, deployments, place, "complete", isComplete)
  const watch = startWatch(t, deployments, { namespace })
  await expectStatusConditions(t, deployments, place)
  const has = (object: Deployment, type: string) => object.status?.conditions?.some((one) => one.type === type)
  await watch.next("the updated status", ({ object }) => has(object, "StatusUpdate") ?? false)
  await watch.next("the patched status", ({ object }) => has(object, "StatusPatched") ?? false)
})

conformance("[sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-deployment", namespace }
  const own = { "test-deployment-static": t.unique("deployment") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(deployments)
  const watch = startWatch(t, deployments, { namespace, labelSelector })
  const wanted = newDeployment(place, 2)
  await resource.create({ ...wanted, metadata: { ...wanted.metadata, labels: { ...own, name: place.name } } })
  await watch.next("added", ({ type }) => type === "ADDED")
  await watch.next("ready", ({ object }) => object.status?.readyReplicas === 2, 60_000)

  const env = [{ name: "VARIANT", value: "patched" }]
  await resource.patch(
    place.name,
    "strategic",
    {
      metadata: { labels: { "test-deployment": "patched" } },
      spec: { replicas: 1, template: { spec: { containers: [{ name: "main", env }] } } },
    },
    { namespace },
  )
  await watch.next("patched", ({ type, object }) => {
    return type === "MODIFIED" && object.metadata.labels?.["test-deployment"] === "patched"
  })
  await watch.next("rolled out", ({ object }) => isComplete(object) && object.spec?.replicas === 1, 60_000)
  const [listed] = (await resource.list({ labelSelector })).items
  assert.deepEqual(listed?.spec?.template.spec?.containers[0]?.env, env)
  assert.equal(listed?.spec?.template.spec?.containers[0]?.image, "busybox")

  const withoutReady = ({ status }: Deployment): boolean => (status?.readyReplicas ?? 0) === 0
  await updateObject(
    t,
    deployments,
    place,
    (draft) => {
      if (draft.status) Object.assign(draft.status, { readyReplicas: 0, availableReplicas: 0 })
    },
    "status",
  )
  await watch.next("a wrong status", ({ object }) => withoutReady(object))
  await watch.next("the right status", ({ object }) => object.status?.readyReplicas === 1)
  const status = { readyReplicas: 0, availableReplicas: 0 }
  await resource.patch(place.name, "strategic", { status }, { namespace, subresource: "status" })
  const shown = await resource.getSubresource<Deployment>(place.name, "status", { namespace })
  assert.equal(shown.kind, "Deployment")
  await watch.next("a patched status", ({ object }) => withoutReady(object))
  await watch.next("the right status again", ({ object }) => object.status?.readyReplicas === 1)

  await resource.deleteCollection({ namespace, labelSelector })
  await watch.next("deleted", ({ type }) => type === "DELETED")
  await untilPods(t, namespace, { name: place.name }, "gone", (pods) => pods.length === 0)
})
