import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { controllerOf, selectorText, untilGone, untilObject, updateObject } from "../support/workloads.ts"
import { createJob, podsOf, scripts, untilCondition, untilRunning } from "./job-helpers.ts"

conformance(
  "[sig-apps] Job should create pods for an Indexed job with completion indexes and specified hostname [Conformance]",
  async (t) => {
    const place = { name: "indexed-job", namespace: await t.namespace() }
    await createJob(t, place, { completionMode: "Indexed" })
    const done = await untilCondition(t, place, "Complete", "CompletionsReached")
    assert.equal(done.status?.succeeded, 4)
    assert.equal(done.status?.completedIndexes, "0-3")
    const key = "batch.kubernetes.io/job-completion-index"
    const indexes = new Set<string>()
    for (const { metadata, spec, status } of await podsOf(t, place)) {
      if (status?.phase !== "Succeeded") continue
      const index = metadata.annotations?.[key] ?? ""
      indexes.add(index)
      assert.equal(metadata.labels?.[key], index)
      assert.equal(spec?.hostname, `indexed-job-${index}`)
      assert.ok(spec?.containers[0]?.env?.some(({ name }) => name === "JOB_COMPLETION_INDEX"))
    }
    assert.deepEqual([...indexes].sort(), ["0", "1", "2", "3"])
  },
)

conformance(
  "[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]",
  async (t) => {
    const place = { name: "fail-once-local", namespace: await t.namespace() }
    await createJob(t, place, { script: scripts.failOnce, pod: { restartPolicy: "OnFailure" } })
    const done = await untilCondition(t, place, "Complete", "CompletionsReached")
    assert.equal(done.status?.succeeded, 4)
    for (const { status } of await podsOf(t, place)) assert.equal(status?.containerStatuses?.[0]?.restartCount, 1)
  },
)

conformance("[sig-apps] Job should delete a job [Conformance]", async (t) => {
  const place = { name: "foo", namespace: await t.namespace() }
  await createJob(t, place, { script: scripts.run })
  await untilRunning(t, place, 2)
  await t.client.resource(refs.jobs).delete(place.name, { ...place, propagationPolicy: "Background" })
  await untilGone(t, refs.jobs, place)
  await t.until("its pods to be gone", async () => (await podsOf(t, place)).length === 0)
})

conformance("[sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]", async (t) => {
  const { namespace } = { namespace: await t.namespace() }
  const place = { name: "adopt-release", namespace }
  const { metadata } = await createJob(t, place, { script: scripts.run })
  const [pod] = await untilRunning(t, place, 2)
  const podPlace = { name: pod?.metadata.name ?? "", namespace }
  await updateObject(t, refs.pods, podPlace, (draft) => {
    draft.metadata.ownerReferences = []
  })
  await untilObject(t, refs.pods, podPlace, "adopted again", (one) => controllerOf(one)?.uid === metadata.uid)
  await updateObject(t, refs.pods, podPlace, (draft) => {
    draft.metadata.labels = {}
  })
  await untilObject(t, refs.pods, podPlace, "released", (one) => controllerOf(one) === undefined)
})

conformance("[sig-apps] Job should apply changes to a job status [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "e2e-status", namespace }
  const jobs = t.client.resource(refs.jobs)
  await createJob(t, place, { script: scripts.run })
  await untilRunning(t, place, 2)
  const condition = (type: string) => ({ type, status: "True" as const, lastTransitionTime: "2026-01-01T00:00:00Z" })
  const body = { metadata: { annotations: { patchedstatus: "true" } }, status: { conditions: [condition("Patched")] } }
  const patched = await jobs.patch(place.name, "merge", body, { namespace, subresource: "status" })
  assert.equal(patched.metadata.annotations?.["patchedstatus"], "true")
  assert.deepEqual(patched.status?.conditions, [condition("Patched")])
  const updated = await updateObject(
    t,
    refs.jobs,
    place,
    (draft) => {
      draft.status = { ...draft.status, conditions: [...(draft.status?.conditions ?? []), condition("Updated")] }
    },
    "status",
  )
  assert.ok(updated.status?.conditions?.some(({ type }) => type === "Updated"))
  const shown = await jobs.getSubresource<typeof updated>(place.name, "status", { namespace })
  assert.ok(shown.status?.conditions?.some(({ type }) => type === "Updated"))
})

conformance("[sig-apps] Job should manage the lifecycle of a job [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "e2e-lifecycle", namespace }
  const own = { "e2e-job-label": t.unique("job") }
  const labelSelector = selectorText(own)
  const jobs = t.client.resource(refs.jobs)
  const watch = startWatch(t, refs.jobs, { namespace, labelSelector })
  await createJob(t, place, { own, suspend: true, script: scripts.run })
  await watch.next("added", ({ type }) => type === "ADDED")
  await untilCondition(t, place, "Suspended", "JobSuspended")
  await jobs.patch(place.name, "strategic", { metadata: { labels: { patched: "true" } } }, { namespace })
  await watch.next("patched", ({ object }) => object.metadata.labels?.["patched"] === "true")
  assert.equal((await podsOf(t, place)).length, 0)
  await updateObject(t, refs.jobs, place, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, updated: "true" }
    if (draft.spec) draft.spec.suspend = false
  })
  await watch.next("updated", ({ object }) => object.metadata.annotations?.["updated"] === "true")
  await untilRunning(t, place, 2)
  assert.equal((await jobs.list({ labelSelector })).items.length, 1)
  await jobs.deleteCollection({ namespace, labelSelector, delete: { propagationPolicy: "Background" } })
  await watch.next("deleted", ({ type }) => type === "DELETED")
  assert.equal((await jobs.list({ labelSelector })).items.length, 0)
})
