import { type batchv1, type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPodSpec } from "../support/pods.ts"
import { podsWith, untilObject, untilPods } from "../support/workloads.ts"

export type Job = batchv1.Job
export interface Place {
  name: string
  namespace: string
}

/** What the containers of a Job do. */
export const scripts = {
  succeed: "exit 0",
  fail: "exit 1",
  run: "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done",
  /** Fails once, and succeeds when it is started again in the same pod. */
  failOnce: "if [ -e /data/seen ]; then exit 0; fi; touch /data/seen; exit 1",
  failOddIndexes: "exit $((JOB_COMPLETION_INDEX % 2))",
  succeedFirstIndex:
    'if [ "$JOB_COMPLETION_INDEX" = 0 ]; then exit 0; fi; trap "exit 1" TERM; while :; do sleep 3600 & wait $!; done',
} as const

export interface JobOptions extends Partial<batchv1.JobSpec> {
  script?: string
  own?: Record<string, string>
  pod?: Partial<corev1.PodSpec>
}

/** A Job of two pods at a time and four in all, unless told. */
export function newJob(place: Place, options: JobOptions = {}): Job {
  const { script = scripts.succeed, own = {}, pod = {}, ...spec } = options
  const data = { name: "data", mountPath: "/data" }
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { ...place, labels: own },
    spec: {
      parallelism: 2,
      completions: 4,
      backoffLimit: 6,
      ...spec,
      template: {
        metadata: { labels: { job: place.name } },
        spec: sleepingPodSpec(
          { restartPolicy: "Never", volumes: [{ name: "data", emptyDir: {} }], ...pod },
          { command: ["sh", "-c", script], volumeMounts: [data] },
        ),
      },
    },
  }
}

export function createJob(t: ConformanceContext, place: Place, options: JobOptions = {}): Promise<Job> {
  return t.client.resource(refs.jobs).create(newJob(place, options))
}

/** Waits for a condition that is true, with this reason. */
export function untilCondition(t: ConformanceContext, place: Place, type: string, reason?: string): Promise<Job> {
  return untilObject(t, refs.jobs, place, `${type} ${reason ?? ""}`, ({ status }) =>
    status?.conditions?.some(
      (one) => one.type === type && one.status === "True" && (reason ?? one.reason) === one.reason,
    ),
  )
}

/** Every pod of the Job, ended ones too. */
export const podsOf = (t: ConformanceContext, { name, namespace }: Place): Promise<corev1.Pod[]> =>
  podsWith(t, namespace, { job: name })

/** Waits until so many pods of the Job run. */
export function untilRunning(t: ConformanceContext, { name, namespace }: Place, count: number): Promise<corev1.Pod[]> {
  return untilPods(t, namespace, { job: name }, `${count} run`, (pods) => {
    return pods.length === count && pods.every(({ status }) => status?.phase === "Running")
  })
}
