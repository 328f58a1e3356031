import type { PodInfo } from "../cache/pod-info.ts"

/** A pod that waits to be scheduled. */
export interface QueuedPod {
  info: PodInfo
  /** When it came into the queue this time, in milliseconds since the epoch. */
  queuedAt: number
  /** When it was tried first, for the metrics; undefined before. */
  firstTriedAt: number | undefined
  /** How often it was tried without success. */
  attempts: number
  /** Until when it backs off, in milliseconds since the epoch. */
  backoffUntil: number
  /** The plugins that refused it last. */
  refusedBy: ReadonlySet<string>
  /** Kept out of the queue by this PreEnqueue plugin. */
  gatedBy: string | undefined
  /** Where preemption is making room for it. */
  nominatedNodeName: string | undefined
}

export function newQueuedPod(info: PodInfo, now: number): QueuedPod {
  return {
    info,
    queuedAt: now,
    firstTriedAt: undefined,
    attempts: 0,
    backoffUntil: 0,
    refusedBy: new Set(),
    gatedBy: undefined,
    nominatedNodeName: info.pod.status?.nominatedNodeName,
  }
}
