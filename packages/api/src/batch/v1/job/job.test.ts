import assert from "node:assert/strict"
import { test } from "node:test"
import type { batchv1, corev1 } from "../../../index.ts"
import { create } from "../../../testing/harness.ts"

const template: corev1.PodTemplateSpec = {
  spec: { restartPolicy: "Never", containers: [{ name: "a", image: "a" }] },
}

const newJob = (spec: Partial<batchv1.JobSpec>, name = "j"): batchv1.Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name, namespace: "n", uid: "u1" },
  spec: { template, ...spec },
})

const labelled = (labels: Record<string, string>): corev1.PodTemplateSpec => ({ ...template, metadata: { labels } })
const indexed = { completionMode: "Indexed", completions: 5 }

const rows: { name: string; job: batchv1.Job; errors: string[] }[] = [
  { name: "a plain job", job: newJob({}), errors: [] },
  {
    name: "the selector of another job",
    job: newJob({
      selector: { matchLabels: { "controller-uid": "u0" } },
      template: labelled({ "controller-uid": "u0", "job-name": "j" }),
    }),
    errors: [
      "spec.template.metadata.labels[controller-uid]: Invalid value: \"batch.kubernetes.io/controller-uid=u1,batch.kubernetes.io/job-name=j,controller-uid=u0,job-name=j\": must be 'u1'",
      'spec.selector: Invalid value: {"matchLabels":{"controller-uid":"u0","batch.kubernetes.io/controller-uid":"u1"}}: `selector` not auto-generated',
    ],
  },
  {
    name: "a selector of one's own",
    job: newJob({ manualSelector: true, selector: { matchLabels: { a: "b" } }, template: labelled({ a: "b" }) }),
    errors: [],
  },
  {
    name: "a name that leaves no room for the index",
    job: newJob({ ...indexed, completions: 100 }, "x".repeat(62)),
    errors: [
      `metadata.name: Invalid value: "${"x".repeat(62)}": will not able to create pod with invalid DNS label: ${"x".repeat(62)}-99`,
    ],
  },
  {
    name: "a policy of success without rules",
    job: newJob({ ...indexed, successPolicy: { rules: [] } }),
    errors: [
      "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified",
    ],
  },
  {
    name: "rules of success that cannot be",
    job: newJob({
      ...indexed,
      successPolicy: {
        rules: [{}, { succeededIndexes: "0,9" }, { succeededIndexes: "0-2", succeededCount: 4 }, { succeededCount: 6 }],
      },
    }),
    errors: [
      "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0,9": error parsing succeededIndexes: too large index: "9"',
      "spec.successPolicy.rules[2].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of indexes in the specified succeededIndexes field)",
      "spec.successPolicy.rules[3].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified completions)",
    ],
  },
  {
    name: "exit codes out of order",
    job: newJob({
      podFailurePolicy: { rules: [{ action: "FailJob", onExitCodes: { operator: "NotIn", values: [3, 1, 1] } }] },
    }),
    errors: [
      "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 1",
      "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,1,1]: must be ordered",
    ],
  },
]

for (const { name, job, errors } of rows) {
  test(`validation: ${name}`, () => assert.deepEqual(create(job).errors, errors))
}

test("a template of a CronJob is told of by its own paths", () => {
  const cronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "c", namespace: "n" },
    spec: { schedule: "0 * * * *", jobTemplate: { spec: { template, completionMode: "Indexed" } } },
  }
  assert.deepEqual(create(cronJob).errors, [
    "spec.jobTemplate.spec.completions: Required value: when completion mode is Indexed",
  ])
})
