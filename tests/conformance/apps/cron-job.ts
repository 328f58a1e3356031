import assert from "node:assert/strict"
import { type batchv1, refs } from "@ladya/api"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../support/api-operations.ts"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"

/** These wait for the clock: every minute a Job is due. */
const idle = { idle: true, timeoutMs: 300_000 }
const dueMs = 150_000

function newCronJob(namespace: string, name: string, spec: Partial<batchv1.CronJobSpec> = {}): batchv1.CronJob {
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name, namespace },
    spec: {
      schedule: "*/1 * * * ?",
      concurrencyPolicy: "Allow",
      jobTemplate: {
        spec: { parallelism: 1, completions: 1, template: { spec: sleepingPodSpec({ restartPolicy: "OnFailure" }) } },
      },
      ...spec,
    },
  }
}

const jobsIn = async (t: ConformanceContext, namespace: string): Promise<batchv1.Job[]> =>
  (await t.client.resource(refs.jobs).list({ namespace })).items

const activeOf = async (t: ConformanceContext, namespace: string, name: string): Promise<string[]> => {
  const { status } = await t.client.resource(refs.cronjobs).get(name, { namespace })
  return (status?.active ?? []).map((one) => one.name ?? "")
}

conformance(
  "[sig-apps] CronJob should schedule multiple jobs concurrently [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await t.client.resource(refs.cronjobs).create(newCronJob(namespace, "concurrent"))
    await t.until("two Jobs at once", async () => (await activeOf(t, namespace, "concurrent")).length >= 2, dueMs)
    const active = (await jobsIn(t, namespace)).filter(({ status }) => (status?.active ?? 0) > 0)
    assert.ok(active.length >= 2)
  },
  idle,
)

conformance(
  "[sig-apps] CronJob should not schedule jobs when suspended [Slow] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const other = await t.namespace()
    await t.client.resource(refs.cronjobs).create(newCronJob(namespace, "suspended", { suspend: true }))
    // Another one that is not suspended shows that the time of both has come.
    await t.client.resource(refs.cronjobs).create(newCronJob(other, "running"))
    await t.until("a Job of the one that runs", async () => (await jobsIn(t, other)).length > 0, dueMs)
    await t.stays("no Job", async () => (await jobsIn(t, namespace)).length === 0, 5000)
    assert.deepEqual(await activeOf(t, namespace, "suspended"), [])
  },
  idle,
)

conformance(
  "[sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const other = await t.namespace()
    await t.client.resource(refs.cronjobs).create(newCronJob(namespace, "forbid", { concurrencyPolicy: "Forbid" }))
    await t.client.resource(refs.cronjobs).create(newCronJob(other, "allow"))
    await t.until("the first Job", async () => (await activeOf(t, namespace, "forbid")).length === 1, dueMs)
    const [first, ...more] = await jobsIn(t, namespace)
    assert.deepEqual(more, [])
    const before = (await jobsIn(t, other)).length
    await t.until("the time of the next", async () => (await jobsIn(t, other)).length > Math.max(before, 1), dueMs)
    const onlyTheFirst = async () => {
      const jobs = await jobsIn(t, namespace)
      return jobs.length === 1 && jobs[0]?.metadata.uid === first?.metadata.uid
    }
    await t.stays("the first Job alone", onlyTheFirst, 5000)
    assert.deepEqual(await activeOf(t, namespace, "forbid"), [first?.metadata.name])
  },
  idle,
)

conformance(
  "[sig-apps] CronJob should replace jobs when ReplaceConcurrent [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await t.client.resource(refs.cronjobs).create(newCronJob(namespace, "replace", { concurrencyPolicy: "Replace" }))
    const one = async (not?: string) => {
      const active = await activeOf(t, namespace, "replace")
      return active.length === 1 && active[0] !== not ? active[0] : undefined
    }
    const first = await t.until("the first Job", () => one(), dueMs)
    const second = await t.until("another in its place", () => one(first), dueMs)
    await t.until("the first to be gone", async () => {
      const names = (await jobsIn(t, namespace)).map(({ metadata }) => metadata.name)
      return names.length === 1 && names[0] === second
    })
  },
  idle,
)

conformance("[sig-apps] CronJob should support CronJob API operations [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const spec = { concurrencyPolicy: "Replace", successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 2 }
  const make = (name: string) => newCronJob(namespace, name, { ...spec, suspend: true })
  await expectDiscovered(t, refs.cronjobs, ["status"])
  await expectApiOperations(t, refs.cronjobs, make, namespace)
  await t.client.resource(refs.cronjobs).create(make("status"))
  const lastScheduleTime = "2026-01-01T00:00:00Z"
  const shown = await expectStatusOperations(t, refs.cronjobs, "status", { lastScheduleTime }, namespace)
  assert.equal(shown.status?.lastScheduleTime, lastScheduleTime)
})
