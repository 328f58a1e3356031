import { defaultPodTemplate } from "../../../core/v1/pod/defaults.ts"
import type * as batchv1 from "../../../generated/types/batchv1.ts"

const largest = 2 ** 31 - 1

/** What a Job's spec and the template of a CronJob have in common. */
export function defaultJobTemplateSpec(spec: batchv1.JobSpec): void {
  spec.template ??= {}
  defaultPodTemplate(spec.template)
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= "True"
  }
}

export function defaultJob(job: batchv1.Job): void {
  job.spec ??= { template: {} }
  const { spec } = job
  defaultJobTemplateSpec(spec)
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1
    spec.parallelism = 1
  }
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : largest
  const labels = spec.template.metadata?.labels
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
  spec.completionMode ??= "NonIndexed"
  spec.suspend ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed"
}
