/** What the runtime has of one pod, as the node agent reads it. */
export interface ObservedPod {
  uid: string
  name: string
  namespace: string
  /** Newest first. */
  sandboxes: readonly ObservedSandbox[]
  /** Newest first; of all sandboxes. */
  containers: readonly ObservedContainer[]
}

export interface ObservedSandbox {
  id: string
  attempt: number
  ready: boolean
  createdAtMs: number
  hostNetwork: boolean
  /** The main address first. */
  ips: readonly string[]
}

export type ObservedState = "created" | "running" | "exited" | "unknown"

export interface ObservedContainer {
  id: string
  name: string
  sandboxId: string
  /** How many instances of this container there were before it. */
  restartCount: number
  state: ObservedState
  createdAtMs: number
  startedAtMs: number
  finishedAtMs: number
  exitCode: number
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, `Unknown` … */
  reason: string
  message: string
  imageRef: string
  imageId: string
  hash: string
  /** The absolute path of its log. */
  logPath: string
  /** The file on the node that the container may write its last words to; undefined when it has none. */
  terminationMessageFile: string | undefined
  terminationMessagePolicy: string
  annotations: Readonly<Record<string, string>>
}

export function emptyObservedPod(uid: string, name = "", namespace = ""): ObservedPod {
  return { uid, name, namespace, sandboxes: [], containers: [] }
}

/** The latest instance of a container. */
export function latest(pod: ObservedPod, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.name === name)
}

/** The latest instance of a container in one sandbox. */
export function latestIn(pod: ObservedPod, sandboxId: string, name: string): ObservedContainer | undefined {
  return pod.containers.find((container) => container.name === name && container.sandboxId === sandboxId)
}

/** The newest sandbox when it is ready. */
export function readySandbox(pod: ObservedPod): ObservedSandbox | undefined {
  const [newest] = pod.sandboxes
  return newest?.ready ? newest : undefined
}

export function runningContainers(pod: ObservedPod): ObservedContainer[] {
  return pod.containers.filter((container) => container.state === "running")
}
