import assert from "node:assert/strict"
import { type appsv1, type policyv1, refs } from "@ladya/api"
import { isStatus, type KubeObject } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import {
  hasCondition,
  podsWith,
  selectorText,
  untilGone,
  untilObject,
  untilPods,
  updateObject,
} from "../support/workloads.ts"

const budgets = refs.poddisruptionbudgets
const labels = { foo: "bar" }

const budget = (
  namespace: string,
  name: string,
  spec: policyv1.PodDisruptionBudgetSpec,
  own: Record<string, string> = {},
): policyv1.PodDisruptionBudget => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { namespace, name, labels: own },
  spec: { selector: { matchLabels: labels }, ...spec },
})

async function createPods(t: ConformanceContext, namespace: string, count: number): Promise<void> {
  const set: appsv1.ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { namespace, name: "rs" },
    spec: {
      replicas: count,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: sleepingPodSpec() },
    },
  }
  await t.client.resource(refs.replicasets).create(set)
  await untilPods(t, namespace, labels, `${count} are ready`, (pods) => {
    return pods.length === count && pods.every((pod) => hasCondition(pod, "Ready"))
  })
}

const isProcessed = ({ metadata, status }: policyv1.PodDisruptionBudget): boolean =>
  status?.observedGeneration === metadata.generation

conformance("[sig-apps] DisruptionController should create a PodDisruptionBudget [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "foo", namespace }
  const resource = t.client.resource(budgets)
  await resource.create(budget(namespace, place.name, { minAvailable: "1%" }))
  await untilObject(t, budgets, place, "processed", isProcessed)
  const updated = await updateObject(t, budgets, place, (draft) => {
    if (draft.spec) draft.spec.minAvailable = "2%"
  })
  assert.equal(updated.spec?.minAvailable, "2%")
  await untilObject(t, budgets, place, "processed", isProcessed)
  const patched = await resource.patch(place.name, "merge", { spec: { minAvailable: "3%" } }, { namespace })
  assert.equal(patched.spec?.minAvailable, "3%")
  await untilObject(t, budgets, place, "processed", isProcessed)
  await resource.delete(place.name, { namespace })
  await untilGone(t, budgets, place)
})

conformance(
  "[sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]",
  async (t) => {
    const [one, two] = [await t.namespace(), await t.namespace()]
    const own = { e2e: t.unique("pdb") }
    const labelSelector = selectorText(own)
    const resource = t.client.resource(budgets)
    await resource.create(budget(one, "foo", { minAvailable: 1 }, own))
    await resource.create(budget(one, "foo2", { minAvailable: "2%" }, own))
    await resource.create(budget(two, "foo3", { minAvailable: 2 }, own))
    assert.equal((await resource.list({ labelSelector })).items.length, 3)
    assert.equal((await resource.list({ namespace: one, labelSelector })).items.length, 2)
    await resource.deleteCollection({ namespace: one, labelSelector })
    assert.equal((await resource.list({ namespace: one, labelSelector })).items.length, 0)
    assert.equal((await resource.list({ labelSelector })).items.length, 1)
  },
)

conformance(
  "[sig-apps] DisruptionController should observe PodDisruptionBudget status updated [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "foo", namespace }
    await t.client.resource(budgets).create(budget(namespace, place.name, { minAvailable: 1 }))
    await createPods(t, namespace, 3)
    await untilObject(t, budgets, place, "two may go", ({ status }) => status?.disruptionsAllowed === 2)
  },
)

conformance(
  "[sig-apps] DisruptionController should update/patch PodDisruptionBudget status [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "foo", namespace }
    const resource = t.client.resource(budgets)
    await resource.create(budget(namespace, place.name, { minAvailable: 1 }))
    await createPods(t, namespace, 1)
    await untilObject(t, budgets, place, "one is healthy", ({ status }) => status?.currentHealthy === 1)
    const disrupted = (value: string) => ({ status: { disruptedPods: { [value]: "2026-01-01T00:00:00Z" } } })
    const updated = await updateObject(
      t,
      budgets,
      place,
      (draft) => {
        if (draft.status) draft.status.disruptedPods = disrupted("rs-none").status.disruptedPods
      },
      "status",
    )
    assert.ok(updated.status?.disruptedPods?.["rs-none"])
    const patched = await resource.patch(place.name, "merge", disrupted("rs-other"), {
      namespace,
      subresource: "status",
    })
    assert.ok(patched.status?.disruptedPods?.["rs-other"])
    const shown = await resource.getSubresource<policyv1.PodDisruptionBudget>(place.name, "status", { namespace })
    assert.equal(shown.kind, "PodDisruptionBudget")
  },
)

conformance(
  "[sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "foo", namespace }
    await t.client.resource(budgets).create(budget(namespace, place.name, { minAvailable: 3 }))
    await createPods(t, namespace, 3)
    await untilObject(t, budgets, place, "all are healthy", ({ status }) => status?.currentHealthy === 3)
    const [pod] = await podsWith(t, namespace, labels)
    const name = pod?.metadata.name ?? ""
    const evict = () =>
      t.client.resource(refs.pods).createSubresource(name, "eviction", {
        ...{ apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } },
      } as KubeObject)
    await assert.rejects(evict(), (error) => {
      assert.ok(isStatus(error, "TooManyRequests"))
      assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.")
      assert.ok(error.status.details?.causes?.some(({ reason }) => reason === "DisruptionBudget"))
      return true
    })
    await updateObject(t, budgets, place, (draft) => {
      if (draft.spec) draft.spec.minAvailable = 2
    })
    await untilObject(t, budgets, place, "one may go", ({ status }) => status?.disruptionsAllowed === 1)
    await evict()
    await t.until("the pod to go", async () => {
      const { metadata } = await t.client
        .resource(refs.pods)
        .get(name, { namespace })
        .catch((error: unknown) => {
          if (isStatus(error, "NotFound")) return { metadata: { deletionTimestamp: "gone" } }
          throw error
        })
      return metadata.deletionTimestamp
    })
    // With three members again, the budget can be made to protect all once more.
    await untilObject(t, budgets, place, "all are healthy again", ({ status }) => status?.currentHealthy === 3)
    const resource = t.client.resource(budgets)
    await resource.patch(place.name, "merge", { spec: { minAvailable: 3 } }, { namespace })
    await untilObject(t, budgets, place, "none may go", ({ status, metadata }) => {
      return status?.observedGeneration === metadata.generation && status?.disruptionsAllowed === 0
    })
    const [other] = await podsWith(t, namespace, labels)
    const otherName = other?.metadata.name ?? ""
    const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: otherName, namespace } }
    const eviction = t.client.resource(refs.pods).createSubresource(otherName, "eviction", body)
    await assert.rejects(eviction, (error) => isStatus(error, "TooManyRequests"))
    await resource.delete(place.name, { namespace })
    await untilGone(t, budgets, place)
    await t.client.resource(refs.pods).createSubresource(otherName, "eviction", body)
  },
)
