/** How a scheduler works; the names and defaults are those of KubeSchedulerConfiguration where it has them. */
export interface SchedulerConfig {
  /** Pods that name this scheduler are ours. */
  schedulerName: string
  podInitialBackoffMs: number
  podMaxBackoffMs: number
  podMaxInUnschedulablePodsMs: number
  /** How many of 100 nodes are looked at once enough have been found to fit; 0: by the size of the cluster. */
  percentageOfNodesToScore: number
  /** So many bindings are under way at most. */
  maxBindings: number
  /** The scheduling loop lets others run after so many milliseconds. */
  sliceMs: number
}

export const defaultSchedulerConfig: SchedulerConfig = Object.freeze({
  schedulerName: "default-scheduler",
  podInitialBackoffMs: 1000,
  podMaxBackoffMs: 10_000,
  podMaxInUnschedulablePodsMs: 5 * 60_000,
  percentageOfNodesToScore: 0,
  maxBindings: 256,
  sliceMs: 10,
})
