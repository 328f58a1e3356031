import assert from "node:assert/strict"
import { test } from "node:test"
import { type batchv1, type corev1, isPodActive, refs } from "@ladya/api"
import { findCondition, isConditionTrue } from "@ladya/apimachinery"
import { podTemplate, startCluster, type TestCluster } from "./cluster.ts"

const only = ["job", "ttl-after-finished", "generic-garbage-collector"]
const inDefault = { namespace: "default" }

function job(spec: Partial<batchv1.JobSpec> = {}): batchv1.Job {
  const template = podTemplate({ work: "sum" })
  if (template.spec) template.spec.restartPolicy = "Never"
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { namespace: "default", name: "sum" },
    spec: { template, ...spec },
  }
}

async function get(cluster: TestCluster): Promise<batchv1.Job> {
  return cluster.client.resource(refs.jobs).get("sum", inDefault)
}

async function pods(cluster: TestCluster): Promise<corev1.Pod[]> {
  return (await cluster.client.resource(refs.pods).list(inDefault)).items
}

async function ended(cluster: TestCluster, type: "Complete" | "Failed"): Promise<batchv1.JobStatus> {
  await cluster.until(`the Job to be ${type}`, async () =>
    isConditionTrue((await get(cluster)).status?.conditions, type),
  )
  await cluster.clock.advance(1000)
  assert.deepEqual(await cluster.writesDuring(600_000), [], "not at rest")
  const held = (await pods(cluster)).filter((pod) => (pod.metadata.finalizers ?? []).length > 0)
  assert.equal(held.length, 0, "finalizers are left")
  return (await get(cluster)).status ?? {}
}

const index = (pod: corev1.Pod): number =>
  Number(pod.metadata.annotations?.["batch.kubernetes.io/job-completion-index"])

test("completions are reached with no more at once than parallelism, each counted once", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { exit: () => ({ afterMs: 3000, code: 0 }) } })
  await cluster.client.resource(refs.jobs).create(job({ completions: 7, parallelism: 3 }))
  await cluster.until("the end", async () => {
    assert.ok((await pods(cluster)).filter(isPodActive).length <= 3)
    return isConditionTrue((await get(cluster)).status?.conditions, "Complete")
  })
  const status = await ended(cluster, "Complete")
  assert.equal(status.succeeded, 7)
  assert.equal(status.active, undefined)
  assert.equal(findCondition(status.conditions, "Complete")?.reason, "CompletionsReached")
  assert.ok(findCondition(status.conditions, "SuccessCriteriaMet"))
  assert.ok(status.completionTime)
  assert.equal((await pods(cluster)).length, 7)
})

test("failures are tried again with growing pauses, up to the limit", async (context) => {
  const cluster = await startCluster(context, { only, kubelet: { exit: () => ({ afterMs: 1000, code: 3 }) } })
  await cluster.client.resource(refs.jobs).create(job({ backoffLimit: 3 }))
  const status = await ended(cluster, "Failed")
  assert.equal(status.failed, 4)
  assert.equal(findCondition(status.conditions, "Failed")?.reason, "BackoffLimitExceeded")
  const times = (await pods(cluster)).map((pod) => Date.parse(pod.metadata.creationTimestamp ?? "")).sort()
  const pauses = times.slice(1).map((time, at) => (time - (times[at] ?? 0)) / 1000)
  assert.ok((pauses[0] ?? 0) >= 10 && (pauses[1] ?? 0) >= 20 && (pauses[2] ?? 0) >= 40, `${pauses}`)
})

test("indexed: every index once, with its own name and variable; a lost one is done again", async (context) => {
  let first = true
  const cluster = await startCluster(context, {
    only,
    kubelet: {
      exit: (pod) => {
        if (index(pod) === 2 && first) return { afterMs: 1000, code: 1 }
        return { afterMs: 2000, code: 0 }
      },
    },
  })
  await cluster.client.resource(refs.jobs).create(job({ completions: 5, parallelism: 5, completionMode: "Indexed" }))
  await cluster.until("a failure", async () => ((await get(cluster)).status?.failed ?? 0) === 1)
  first = false
  const status = await ended(cluster, "Complete")
  assert.equal(status.completedIndexes, "0-4")
  assert.equal(status.succeeded, 5)
  assert.equal(status.failed, 1)
  const [pod] = await pods(cluster)
  assert.match(pod?.metadata.name ?? "", /^sum-\d-[a-z0-9]{5}$/)
  assert.equal(pod?.spec?.hostname, `sum-${index(pod as corev1.Pod)}`)
  assert.ok(pod?.spec?.containers[0]?.env?.some((variable) => variable.name === "JOB_COMPLETION_INDEX"))
})

test("back-off by index: one bad index does not take the others down", async (context) => {
  const cluster = await startCluster(context, {
    only,
    kubelet: { exit: (pod) => ({ afterMs: 1000, code: index(pod) === 1 ? 1 : 0 }) },
  })
  const spec = { completions: 4, parallelism: 4, completionMode: "Indexed", backoffLimitPerIndex: 1, backoffLimit: 100 }
  await cluster.client.resource(refs.jobs).create(job(spec))
  const status = await ended(cluster, "Failed")
  assert.equal(findCondition(status.conditions, "Failed")?.reason, "FailedIndexes")
  assert.equal(status.completedIndexes, "0,2,3")
  assert.equal(status.failedIndexes, "1")
  assert.equal(status.failed, 2)
})

test("pod failure policy: a rule ends the Job at once, another does not count; success policy ends it early", async (context) => {
  const rules = (action: string): batchv1.PodFailurePolicy => ({
    rules: [{ action, onExitCodes: { operator: "In", values: [42] } }],
  })
  let code = 42
  const cluster = await startCluster(context, { only, kubelet: { exit: () => ({ afterMs: 1000, code }) } })
  const jobs = cluster.client.resource(refs.jobs)
  await jobs.create(job({ podFailurePolicy: rules("FailJob") }))
  const failed = await ended(cluster, "Failed")
  assert.equal(findCondition(failed.conditions, "Failed")?.reason, "PodFailurePolicy")
  assert.match(
    findCondition(failed.conditions, "Failed")?.message ?? "",
    /failed with exit code 42 matching FailJob rule at index 0/,
  )
  await jobs.delete("sum", inDefault)
  await cluster.until("the pods to go", async () => (await pods(cluster)).length === 0)
  await jobs.create(job({ podFailurePolicy: rules("Ignore"), backoffLimit: 0 }))
  await cluster.until("several ignored failures", async () => (await pods(cluster)).length >= 3)
  code = 0
  const complete = await ended(cluster, "Complete")
  assert.equal(complete.failed, undefined)
  await jobs.delete("sum", inDefault)
  await cluster.until("the pods to go", async () => (await pods(cluster)).length === 0)
  const successPolicy = { rules: [{ succeededIndexes: "1", succeededCount: 1 }] }
  await jobs.create(job({ completions: 3, parallelism: 3, completionMode: "Indexed", successPolicy }))
  const early = await ended(cluster, "Complete")
  assert.equal(findCondition(early.conditions, "Complete")?.reason, "SuccessPolicy")
})

test("suspending stops the pods and the clock; the deadline ends a Job that runs too long", async (context) => {
  const cluster = await startCluster(context, { only })
  const jobs = cluster.client.resource(refs.jobs)
  await jobs.create(job({ suspend: true, parallelism: 2, completions: 2, activeDeadlineSeconds: 60 }))
  await cluster.until("suspended", async () => isConditionTrue((await get(cluster)).status?.conditions, "Suspended"))
  assert.equal((await pods(cluster)).length, 0)
  await cluster.clock.advance(120_000)
  await jobs.patch("sum", "merge", { spec: { suspend: false } }, inDefault)
  await cluster.until("two pods", async () => (await pods(cluster)).length === 2)
  await cluster.clock.advance(30_000)
  await jobs.patch("sum", "merge", { spec: { suspend: true } }, inDefault)
  await cluster.until("no pods", async () => (await pods(cluster)).length === 0)
  await jobs.patch("sum", "merge", { spec: { suspend: false } }, inDefault)
  await cluster.clock.advance(45_000)
  assert.equal(isConditionTrue((await get(cluster)).status?.conditions, "FailureTarget"), false)
  const status = await ended(cluster, "Failed")
  assert.equal(findCondition(status.conditions, "Failed")?.reason, "DeadlineExceeded")
  // Those that were suspended do not count.
  assert.equal(status.failed, 2)
})
