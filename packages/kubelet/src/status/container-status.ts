import type { corev1 } from "@ladya/api"
import { shouldRestart } from "../pods/plan/restart.ts"
import type { Pod, PodContainer } from "../pods/pod.ts"
import type { ObservedContainer, ObservedPod } from "../runtime/observed.ts"

/** Why a container is not running though it should: `ImagePullBackOff` and its message. */
export interface WaitingReason {
  reason: string
  message: string
}

export interface ContainerStatusInput {
  pod: Pod
  observed: ObservedPod
  container: PodContainer
  /** The last status that was written. */
  previous: corev1.ContainerStatus | undefined
  waiting: WaitingReason | undefined
  /** Of a container of which nothing is known otherwise: `ContainerCreating` or `PodInitializing`. */
  defaultWaiting: string
  probes(containerId: string): { started: boolean; ready: boolean }
  /** The last words of a container that has ended. */
  terminationMessage(container: ObservedContainer): string
  /** The pod's containers have been ended for good. */
  finished: boolean
  timeText(ms: number): string
}

const runtimePrefix = "containerd://"

function terminated(input: ContainerStatusInput, container: ObservedContainer): corev1.ContainerState {
  const message = container.message || input.terminationMessage(container)
  return {
    terminated: {
      exitCode: container.exitCode,
      reason: container.reason || (container.exitCode === 0 ? "Completed" : "Error"),
      ...(message ? { message } : {}),
      // One that never started did so at the epoch, as everywhere in Kubernetes.
      startedAt: input.timeText(Math.max(container.startedAtMs, 0)),
      finishedAt: input.timeText(container.finishedAtMs > 0 ? container.finishedAtMs : container.createdAtMs),
      containerID: runtimePrefix + container.id,
    },
  }
}

function stateOf(input: ContainerStatusInput, container: ObservedContainer): corev1.ContainerState {
  switch (container.state) {
    case "running":
      return { running: { startedAt: input.timeText(container.startedAtMs) } }
    case "exited":
      return terminated(input, container)
    case "created":
      return { waiting: { reason: input.defaultWaiting } }
    case "unknown":
      return { waiting: { reason: "ContainerStatusUnknown", message: "The container's state is not known" } }
  }
}

const lost = (exitCode: number): corev1.ContainerState => ({
  terminated: {
    exitCode,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
  },
})

/** The state of a container of which the runtime has nothing. */
function absentState(input: ContainerStatusInput): corev1.ContainerState {
  const { previous, waiting, finished } = input
  if (previous?.state?.terminated) return previous.state
  if (finished && previous?.state?.running) return lost(137)
  if (waiting) return { waiting: { reason: waiting.reason, ...(waiting.message ? { message: waiting.message } : {}) } }
  if (finished && previous?.state?.waiting) return previous.state
  return { waiting: { reason: input.defaultWaiting } }
}

function isReady(input: ContainerStatusInput, current: ObservedContainer | undefined): boolean {
  if (!current) return false
  const { kind, sidecar } = input.container
  if (kind === "ephemeral") return false
  if (kind === "init" && !sidecar) return current.state === "exited" && current.exitCode === 0
  return current.state === "running" && input.probes(current.id).ready
}

function startedField(input: ContainerStatusInput, current: ObservedContainer | undefined): { started?: boolean } {
  const { kind, sidecar } = input.container
  if (kind === "ephemeral") return {}
  if (kind === "init" && !sidecar) return { started: false }
  return { started: current?.state === "running" && input.probes(current.id).started }
}

function resourceFields({ kind, spec }: PodContainer, running: boolean): Partial<corev1.ContainerStatus> {
  if (kind === "ephemeral") return {}
  const { requests, limits } = spec.resources ?? {}
  const resources = { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) }
  return {
    ...(requests && running ? { allocatedResources: requests } : {}),
    ...(running ? { resources } : {}),
  }
}

function mountFields({ spec }: PodContainer): Partial<corev1.ContainerStatus> {
  if (!spec.volumeMounts?.length) return {}
  return {
    volumeMounts: spec.volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: recursiveReadOnly === "Enabled" ? "Enabled" : "Disabled" } : {}),
    })),
  }
}

/** The status of one container, from its instances in the runtime and what the node agent knows beside. */
export function containerStatus(input: ContainerStatusInput): corev1.ContainerStatus {
  const { pod, observed, container, previous, waiting, finished } = input
  const [current, before] = observed.containers.filter(({ name }) => name === container.spec.name)
  let state = current ? stateOf(input, current) : absentState(input)
  let lastState = before ? stateOf(input, before) : (previous?.lastState ?? {})
  if (lastState.running || lastState.waiting) lastState = previous?.lastState ?? {}
  // One that is about to be started again waits, and what ended is its last state.
  if (current && !finished && waiting && shouldRestart(pod, container, current)) {
    if (state.terminated) lastState = state
    state = { waiting: { reason: waiting.reason, ...(waiting.message ? { message: waiting.message } : {}) } }
  }
  if (finished && state.waiting && current?.state === "created") state = lost(137)
  const image = container.spec.image ?? ""
  return {
    name: container.spec.name,
    state,
    lastState,
    ready: isReady(input, current),
    restartCount: current?.restartCount ?? previous?.restartCount ?? 0,
    image,
    imageID: current?.imageRef ?? previous?.imageID ?? "",
    ...(current
      ? { containerID: runtimePrefix + current.id }
      : previous?.containerID
        ? { containerID: previous.containerID }
        : {}),
    ...startedField(input, current),
    ...resourceFields(container, current !== undefined),
    ...mountFields(container),
  }
}
