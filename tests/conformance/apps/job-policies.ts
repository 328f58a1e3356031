import assert from "node:assert/strict"
import { type batchv1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"
import { createJob, type JobOptions, podsOf, scripts, untilCondition, untilRunning } from "./job-helpers.ts"

const indexed = { completionMode: "Indexed" }

const onExitCode = (action: string): Pick<batchv1.JobSpec, "podFailurePolicy"> => ({
  podFailurePolicy: {
    rules: [{ action, onExitCodes: { containerName: "main", operator: "In", values: [1] } }],
  },
})

conformance(
  "[sig-apps] Job should allow to use the pod failure policy on exit code to fail the job early [Conformance]",
  async (t) => {
    const place = { name: "pod-failure-failjob", namespace: await t.namespace() }
    // The Job would go on for long: six failures are allowed.
    await createJob(t, place, { script: scripts.fail, ...onExitCode("FailJob"), parallelism: 1, completions: 1 })
    const { status } = await untilCondition(t, place, "Failed", "PodFailurePolicy")
    assert.equal(status?.failed, 1)
    assert.equal((await podsOf(t, place)).length, 1)
  },
)

conformance(
  "[sig-apps] Job should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const place = { name: "pod-failure-ignore", namespace }
    const { items } = await t.client.resource(refs.nodes).list()
    const node = items.find(({ spec }) => !spec?.unschedulable && !spec?.taints?.length)
    // A file on the node tells whether the index has been disrupted already.
    const path = `/tmp/${t.unique("job")}`
    const seen = "/host/$JOB_COMPLETION_INDEX"
    const script = `[ -e ${seen} ] && exit 0; touch ${seen}; trap "exit 1" TERM; while :; do sleep 3600 & wait $!; done`
    await createJob(t, place, {
      ...indexed,
      script,
      parallelism: 2,
      completions: 2,
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      pod: {
        nodeName: node?.metadata.name ?? "",
        terminationGracePeriodSeconds: 5,
        volumes: [
          { name: "data", emptyDir: {} },
          { name: "host", hostPath: { path, type: "DirectoryOrCreate" } },
        ],
        containers: [
          {
            name: "main",
            image: "busybox",
            imagePullPolicy: "IfNotPresent",
            command: ["sh", "-c", script],
            volumeMounts: [{ name: "host", mountPath: "/host" }],
            // Evicted only when its file is there.
            readinessProbe: { exec: { command: ["sh", "-c", `[ -e ${seen} ]`] }, periodSeconds: 1 },
          },
        ],
      },
    })
    const running = await untilRunning(t, place, 2)
    for (const { metadata } of running) {
      const name = metadata.name ?? ""
      await t.until(`${name} to be ready`, async () => {
        const { status } = await t.client.resource(refs.pods).get(name, { namespace })
        return status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True")
      })
      const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } }
      await t.client.resource(refs.pods).createSubresource(name, "eviction", eviction)
    }
    const { status } = await untilCondition(t, place, "Complete", "CompletionsReached")
    assert.equal(status?.succeeded, 2)
    assert.equal(status?.failed ?? 0, 0)
  },
)

conformance(
  "[sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]",
  async (t) => {
    const place = { name: "with-backofflimitperindex", namespace: await t.namespace() }
    await createJob(t, place, { ...indexed, script: scripts.failOddIndexes, backoffLimitPerIndex: 1 })
    const { status } = await untilCondition(t, place, "Failed", "FailedIndexes")
    assert.equal(status?.failedIndexes, "1,3")
    assert.equal(status?.completedIndexes, "0,2")
    // Each failing index was tried twice.
    assert.equal(status?.failed, 4)
    assert.equal(status?.succeeded, 2)
  },
)

conformance(
  "[sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes [Conformance]",
  async (t) => {
    const place = { name: "with-maxfailedindexes", namespace: await t.namespace() }
    const limits = { backoffLimitPerIndex: 0, maxFailedIndexes: 0 }
    await createJob(t, place, { ...indexed, ...limits, script: scripts.fail, parallelism: 1, completions: 10 })
    const { status } = await untilCondition(t, place, "Failed", "MaxFailedIndexesExceeded")
    assert.equal(status?.failedIndexes, "0")
    assert.equal(status?.failed, 1)
    assert.equal((await podsOf(t, place)).length, 1)
  },
)

conformance(
  "[sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]",
  async (t) => {
    const place = { name: "failindex", namespace: await t.namespace() }
    const limits = { backoffLimitPerIndex: 1, completions: 2 }
    await createJob(t, place, { ...indexed, ...limits, script: scripts.failOddIndexes, ...onExitCode("FailIndex") })
    const { status } = await untilCondition(t, place, "Failed", "FailedIndexes")
    assert.equal(status?.failedIndexes, "1")
    assert.equal(status?.completedIndexes, "0")
    assert.equal(status?.failed, 1)
    assert.equal(status?.succeeded, 1)
  },
)

/** Runs a Job that its success policy ends, and gives its status. */
async function succeed(t: ConformanceContext, name: string, options: JobOptions): Promise<batchv1.JobStatus> {
  const place = { name, namespace: await t.namespace() }
  await createJob(t, place, { ...indexed, parallelism: 2, completions: 2, ...options })
  await untilCondition(t, place, "SuccessCriteriaMet", "SuccessPolicy")
  const { status } = await untilCondition(t, place, "Complete", "SuccessPolicy")
  return status ?? {}
}

conformance(
  "[sig-apps] Job with successPolicy should succeeded when all indexes succeeded [Conformance]",
  async (t) => {
    const rules = [{ succeededIndexes: "0-1", succeededCount: 2 }]
    const status = await succeed(t, "with-successpolicy", { successPolicy: { rules } })
    assert.equal(status.completedIndexes, "0,1")
    assert.equal(status.succeeded, 2)
  },
)

conformance(
  "[sig-apps] Job with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending [Conformance]",
  async (t) => {
    const successPolicy = { rules: [{ succeededIndexes: "0" }] }
    const status = await succeed(t, "succeeded-indexes", { successPolicy, script: scripts.succeedFirstIndex })
    assert.equal(status.completedIndexes, "0")
    assert.equal(status.succeeded, 1)
    assert.equal(status.active ?? 0, 0)
  },
)

conformance(
  "[sig-apps] Job with successPolicy succeededCount rule should succeeded even when some indexes remain pending [Conformance]",
  async (t) => {
    const successPolicy = { rules: [{ succeededCount: 1 }] }
    const status = await succeed(t, "succeeded-count", { successPolicy, script: scripts.succeedFirstIndex })
    assert.equal(status.completedIndexes, "0")
    assert.equal(status.succeeded, 1)
  },
)
