import type { corev1 } from "@ladya/api"

/** A container of a pod as the kubelet knows it, for logs and streaming. */
export interface ContainerHandle {
  /** The runtime's id, without `containerd://`; absent when it never started. */
  containerId: string | undefined
  /** The absolute path of the current log file. */
  logPath: string | undefined
  running: boolean
  /** Why there is nothing to show: `ContainerCreating`, `ErrImagePull` … */
  waitingReason?: string
}

/** What the kubelet server asks the kubelet. */
export interface PodSource {
  /** Every pod of this node, with its current status. */
  pods(): readonly corev1.Pod[]
  pod(namespace: string, name: string): corev1.Pod | undefined
  /** The runtime's id of the pod's ready sandbox. */
  sandboxId(pod: corev1.Pod): Promise<string | undefined>
  /** Init, main or ephemeral container by name; undefined when the pod has none of that name. */
  container(
    pod: corev1.Pod,
    containerName: string,
    options?: { previous?: boolean },
  ): Promise<ContainerHandle | undefined>
}

/** The runtime's side of streaming and running commands. */
export interface StreamingRuntime {
  /** Each returns a URL that can be used once. */
  execUrl(request: {
    containerId: string
    command: readonly string[]
    stdin: boolean
    stdout: boolean
    stderr: boolean
    tty: boolean
  }): Promise<string>
  attachUrl(request: {
    containerId: string
    stdin: boolean
    stdout: boolean
    stderr: boolean
    tty: boolean
  }): Promise<string>
  portForwardUrl(request: { sandboxId: string; ports: readonly number[] }): Promise<string>
  execSync(request: { containerId: string; command: readonly string[]; timeoutSeconds: number }): Promise<{
    stdout: Uint8Array
    stderr: Uint8Array
    exitCode: number
  }>
}
