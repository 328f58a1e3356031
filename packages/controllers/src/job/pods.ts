import { type batchv1, type corev1, isPodTerminal } from "@ladya/api"
import { parseTime } from "@ladya/apimachinery"
import { podFromTemplate } from "../shared/pod-control.ts"

type Job = batchv1.Job
type Pod = corev1.Pod

export const trackingFinalizer = "batch.kubernetes.io/job-tracking"
export const indexKey = "batch.kubernetes.io/job-completion-index"
const failureCountKey = "batch.kubernetes.io/job-index-failure-count"
const ignoredCountKey = "batch.kubernetes.io/job-index-ignored-failure-count"

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === "Indexed"
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) ?? false
}

/** The index of a pod; -1 when it has none. */
export function indexOf(pod: Pod): number {
  const text = pod.metadata.annotations?.[indexKey] ?? ""
  return /^\d+$/.test(text) ? Number(text) : -1
}

const countAt = (pod: Pod, key: string): number => {
  const text = pod.metadata.annotations?.[key] ?? ""
  return /^\d+$/.test(text) ? Number(text) : 0
}

/** How often an index had failed before this pod, and how often that did not count. */
export function failuresBefore(pod: Pod): { counted: number; ignored: number } {
  return { counted: countAt(pod, failureCountKey), ignored: countAt(pod, ignoredCountKey) }
}

/** Whether pods are replaced only when they have really ended, not as soon as they are told to. */
export function replacesOnlyFailed(job: Job): boolean {
  return job.spec?.podReplacementPolicy === "Failed" || job.spec?.podFailurePolicy !== undefined
}

export function hasFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === "Failed") return true
  if (replacesOnlyFailed(job)) return false
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== "Succeeded"
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod)
}

/** When a pod ended, in milliseconds since the epoch. */
export function finishTime(pod: Pod, now: number): number {
  let latest: number | undefined
  for (const { state } of pod.status?.containerStatuses ?? []) {
    const at = parseTime(state?.terminated?.finishedAt)
    if (at !== undefined && (latest === undefined || at > latest)) latest = at
  }
  if (latest !== undefined) return latest
  const ready = pod.status?.conditions?.find((one) => one.type === "Ready" && one.status === "False")
  return parseTime(ready?.lastTransitionTime) ?? parseTime(pod.metadata.deletionTimestamp) ?? now
}

export interface IndexAssignment {
  index: number
  /** What came before it, when each index has a limit of its own. */
  failures: { counted: number; ignored: number } | undefined
}

export function jobPod(job: Job, assignment: IndexAssignment | undefined): Pod {
  const pod = podFromTemplate(job, job.spec?.template ?? {})
  const metadata = { ...pod.metadata, finalizers: [...(pod.metadata.finalizers ?? []), trackingFinalizer] }
  if (!assignment) return { ...pod, metadata }
  const { index, failures } = assignment
  const spec = pod.spec ?? { containers: [] }
  const { name = "" } = job.metadata
  const annotations: Record<string, string> = { ...metadata.annotations, [indexKey]: String(index) }
  if (failures) {
    annotations[failureCountKey] = String(failures.counted)
    if (failures.ignored > 0) annotations[ignoredCountKey] = String(failures.ignored)
  }
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${name}-${index}-`,
      annotations,
      labels: { ...metadata.labels, [indexKey]: String(index) },
    },
    spec: {
      ...spec,
      hostname: `${name}-${index}`,
      containers: spec.containers.map(withIndexVariable),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(withIndexVariable) } : {}),
    },
  }
}

function withIndexVariable(container: corev1.Container): corev1.Container {
  const name = "JOB_COMPLETION_INDEX"
  if (container.env?.some((variable) => variable.name === name)) return container
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${indexKey}']` } }
  return { ...container, env: [...(container.env ?? []), { name, valueFrom }] }
}
