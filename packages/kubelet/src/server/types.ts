import type { corev1 } from "@ladya/api"

/** A container of a pod as the kubelet knows it, for logs, streaming and statistics. */
export interface ContainerHandle {
  name: string
  /** The runtime's id, without `containerd://`; undefined when it was never made. */
  containerId: string | undefined
  /** The absolute path of the current log file. */
  logPath: string | undefined
  running: boolean
  /** Why it has not started: `ContainerCreating`, `PodInitializing`, `ErrImagePull` … */
  waitingReason?: string
  startedAtMs?: number
}

/** What the kubelet server asks the kubelet. */
export interface PodSource {
  /** Every pod of this node, with its current status. */
  pods(): readonly corev1.Pod[]
  pod(namespace: string, name: string): corev1.Pod | undefined
  /** The runtime's id of the pod's ready sandbox. */
  sandboxId(pod: corev1.Pod): Promise<string | undefined>
  /**
   * An init, main or ephemeral container; undefined when the pod has none of that name. `previous`: the instance before
   * the latest one; undefined when there is none.
   */
  container(
    pod: corev1.Pod,
    containerName: string,
    options?: { previous?: boolean },
  ): Promise<ContainerHandle | undefined>
  /** Resolves when the runtime reports that the container has ended (its log is complete then), or is gone. */
  waitForExit(containerId: string, signal: AbortSignal): Promise<void>
  /** The control group of the pod, below the hierarchies' roots: `/kubepods/burstable/pod<uid>`. */
  cgroupPath(pod: corev1.Pod): string
}
