import assert from "node:assert/strict"
import { test } from "node:test"
import { type batchv1, refs } from "@ladya/api"
import { isConditionTrue } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["cronjob", "job", "generic-garbage-collector"]
const inDefault = { namespace: "default" }

function cronJob(spec: Partial<batchv1.CronJobSpec> = {}): batchv1.CronJob {
  const template = podTemplate({ work: "tick" })
  if (template.spec) template.spec.restartPolicy = "Never"
  const jobSpec = { template }
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { namespace: "default", name: "tick" },
    spec: { schedule: "*/10 * * * *", jobTemplate: { metadata: { labels: { a: "b" } }, spec: jobSpec }, ...spec },
  }
}

async function jobs(cluster: TestCluster): Promise<batchv1.Job[]> {
  return (await cluster.client.resource(refs.jobs).list(inDefault)).items
}

async function get(cluster: TestCluster): Promise<batchv1.CronJob> {
  return cluster.client.resource(refs.cronjobs).get("tick", inDefault)
}

const minutes = (count: number): number => count * 60_000

test("a Job at each time, the ended ones forgotten beyond the limit", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { exit: () => ({ afterMs: 5000, code: 0 }) } })
  await cluster.client.resource(refs.cronjobs).create(cronJob({ successfulJobsHistoryLimit: 2 }))
  for (let turn = 0; turn < 60; turn++) await cluster.clock.advance(minutes(1))
  const all = await jobs(cluster)
  assert.equal(all.length, 2)
  assert.ok(all.every((job) => isConditionTrue(job.status?.conditions, "Complete")))
  assert.ok(all.every((job) => job.metadata.labels?.["a"] === "b"))
  const { status } = await get(cluster)
  assert.equal(status?.active, undefined)
  assert.ok(status?.lastScheduleTime && status.lastSuccessfulTime)
  const created = cluster.transport.writes.filter((write) => write.startsWith("create jobs "))
  assert.equal(created.length, 6)
  const events = (await cluster.client.resource(refs.events).list(inDefault)).items
  assert.ok(events.some((event) => event.reason === "SawCompletedJob"))
})

test("Forbid waits for the one that runs, Replace ends it, Allow lets them run together", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.cronjobs)
  await api.create(cronJob({ concurrencyPolicy: "Forbid" }))
  for (let turn = 0; turn < 25; turn++) await cluster.clock.advance(minutes(1))
  const [first, ...none] = await jobs(cluster)
  assert.equal(none.length, 0)
  await api.patch("tick", "merge", { spec: { concurrencyPolicy: "Replace" } }, inDefault)
  for (let turn = 0; turn < 10; turn++) await cluster.clock.advance(minutes(1))
  const [second, ...nobody] = await jobs(cluster)
  assert.equal(nobody.length, 0)
  assert.notEqual(second?.metadata.uid, first?.metadata.uid)
  await api.patch("tick", "merge", { spec: { concurrencyPolicy: "Allow" } }, inDefault)
  for (let turn = 0; turn < 20; turn++) await cluster.clock.advance(minutes(1))
  assert.equal((await jobs(cluster)).length, 3)
  assert.equal((await get(cluster)).status?.active?.length, 3)
})

test("what was missed while suspended is made up once, unless the deadline is over", async (context) => {
  const cluster = await startCluster(context, { only })
  const api = cluster.client.resource(refs.cronjobs)
  await api.create(cronJob({ suspend: true, schedule: "0 * * * *" }))
  await cluster.clock.advance(minutes(60 * 5))
  assert.equal((await jobs(cluster)).length, 0)
  await api.patch("tick", "merge", { spec: { suspend: false, startingDeadlineSeconds: 10 } }, inDefault)
  await cluster.clock.advance(1000)
  const late = (await jobs(cluster)).length
  await api.patch("tick", "merge", { spec: { startingDeadlineSeconds: null } }, inDefault)
  await cluster.clock.advance(1000)
  assert.equal(late, 0)
  assert.equal((await jobs(cluster)).length, 1)
})
