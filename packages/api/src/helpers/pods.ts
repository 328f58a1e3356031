import { formatTime } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"

type Pod = corev1.Pod

/** Succeeded or Failed: its containers have stopped and will not start again. */
export function isPodTerminal(pod: Pod): boolean {
  const phase = pod.status?.phase
  return phase === "Succeeded" || phase === "Failed"
}

/** Neither terminal nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined
}

export function podCondition(pod: Pod, type: string): corev1.PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type)
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True"
}

/** Whether a pod has been ready for `minReadySeconds` at `now` (milliseconds since the epoch). */
export function isPodAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  const ready = podCondition(pod, "Ready")
  if (ready?.status !== "True") return false
  if (minReadySeconds === 0) return true
  const since = ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : Number.NaN
  return !Number.isNaN(since) && since + minReadySeconds * 1000 <= now
}

/** An init container that keeps running beside the others. */
export function isSidecar(container: corev1.Container): boolean {
  return container.restartPolicy === "Always"
}

/** Which of a pod's lists a container stands in. */
export type ContainerSort = "container" | "init" | "ephemeral"

export interface FoundContainer {
  sort: ContainerSort
  index: number
  container: corev1.Container | corev1.EphemeralContainer
  /** `spec.containers{name}` and so on, as events name it. */
  fieldPath: string
}

/** All containers of a pod: init, then regular, then ephemeral ones. */
export function* containersOf(spec: corev1.PodSpec): Generator<FoundContainer> {
  const lists = [
    ["init", "spec.initContainers", spec.initContainers],
    ["container", "spec.containers", spec.containers],
    ["ephemeral", "spec.ephemeralContainers", spec.ephemeralContainers],
  ] as const
  for (const [sort, path, list] of lists) {
    for (const [index, container] of (list ?? []).entries()) {
      yield { sort, index, container, fieldPath: `${path}{${container.name}}` }
    }
  }
}

export function findContainer(spec: corev1.PodSpec, name: string): FoundContainer | undefined {
  for (const found of containersOf(spec)) if (found.container.name === name) return found
  return undefined
}

export function containerStatus(pod: Pod, name: string): corev1.ContainerStatus | undefined {
  const { status } = pod
  for (const list of [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses]) {
    const found = list?.find((entry) => entry.name === name)
    if (found) return found
  }
  return undefined
}

/** The ports of a pod that are taken on its node. Sidecars count, other init containers do not. */
export function hostPortsOf(spec: corev1.PodSpec): { hostIP: string; protocol: string; hostPort: number }[] {
  const ports: { hostIP: string; protocol: string; hostPort: number }[] = []
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? []).filter(isSidecar)]) {
    for (const port of container.ports ?? []) {
      if (!port.hostPort) continue
      ports.push({ hostIP: port.hostIP ?? "", protocol: port.protocol ?? "TCP", hostPort: port.hostPort })
    }
  }
  return ports
}

/** The priority that admission gave; 0 when none. */
export function podPriority(pod: Pod): number {
  return pod.spec?.priority ?? 0
}

/** Sets a condition on a draft's status; `lastTransitionTime` moves only with the status. True when anything changed. */
export function setPodCondition(pod: Pod, condition: corev1.PodCondition, now: number): boolean {
  pod.status ??= {}
  pod.status.conditions ??= []
  const list = pod.status.conditions
  const index = list.findIndex((entry) => entry.type === condition.type)
  const previous = index < 0 ? undefined : list[index]
  const moved = previous?.status !== condition.status
  const lastTransitionTime = moved ? formatTime(now) : (previous?.lastTransitionTime ?? formatTime(now))
  const next = { ...condition, lastTransitionTime }
  if (!previous) {
    list.push(next)
    return true
  }
  if (!moved && previous.reason === condition.reason && previous.message === condition.message) return false
  list[index] = next
  return true
}
