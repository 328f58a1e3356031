import type { MetricsRegistry } from "@ladya/util"
import type { SchedulingQueue } from "./queue/scheduling-queue.ts"

export type AttemptResult = "scheduled" | "unschedulable" | "error"

export interface SchedulerMetrics {
  attempt(result: AttemptResult, seconds: number): void
  /** From the first sight of a pod to its binding. */
  bound(seconds: number, attempts: number): void
  preempted(victims: number): void
}

const fine = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1]
const coarse = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300]

/** The scheduler's metrics, by upstream's names. */
export function newSchedulerMetrics(
  registry: MetricsRegistry,
  queue: SchedulingQueue,
  profile: string,
): SchedulerMetrics {
  const attempts = registry.counter("scheduler_schedule_attempts_total", "Attempts to schedule pods, by result.")
  const duration = registry.histogram(
    "scheduler_scheduling_attempt_duration_seconds",
    "Time to find a node for a pod, binding left out.",
    fine,
  )
  const sli = registry.histogram(
    "scheduler_pod_scheduling_sli_duration_seconds",
    "Time from a pod's entry into the queue to its binding.",
    coarse,
  )
  const victims = registry.histogram("scheduler_preemption_victims", "Pods taken away at once.", [1, 2, 4, 8, 16, 32])
  const pending = registry.gauge("scheduler_pending_pods", "Pods that wait, by part of the queue.")
  registry.onCollect(() => {
    for (const [part, count] of Object.entries(queue.depth)) pending.set(count, { queue: part })
  })
  return {
    attempt(result, seconds) {
      attempts.add(1, { result, profile })
      duration.observe(seconds, { result, profile })
    },
    bound: (seconds, count) => sli.observe(seconds, { attempts: String(Math.min(count, 16)) }),
    preempted: (count) => victims.observe(count),
  }
}
