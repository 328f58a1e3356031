import type { corev1 } from "@ladya/api"
import { isSidecar, type Pod } from "../pods/pod.ts"

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed"

const ended = (state: corev1.ContainerState | undefined): corev1.ContainerStateTerminated | undefined =>
  state?.terminated

function initPhase(spec: corev1.Container, status: corev1.ContainerStatus | undefined): "done" | "pending" | "failed" {
  if (!status) return "pending"
  if (isSidecar(spec)) return status.started || ended(status.state) ? "done" : "pending"
  const final = ended(status.state)
  if (final) return final.exitCode === 0 ? "done" : "failed"
  const before = status.state?.waiting ? ended(status.lastState) : undefined
  return before && before.exitCode !== 0 ? "failed" : "pending"
}

/** The phase that the states of a pod's containers make. `finished`: nothing of the pod will ever be started again. */
export function podPhase(
  pod: Pod,
  init: readonly corev1.ContainerStatus[],
  main: readonly corev1.ContainerStatus[],
  finished: boolean,
): Phase {
  const policy = pod.spec?.restartPolicy ?? "Always"
  const find = (list: readonly corev1.ContainerStatus[], name: string): corev1.ContainerStatus | undefined =>
    list.find((status) => status.name === name)
  const initPhases = (pod.spec?.initContainers ?? []).map((spec) => initPhase(spec, find(init, spec.name)))
  if (initPhases.includes("failed") && (policy === "Never" || finished)) return "Failed"

  let waiting = 0
  let running = 0
  let stopped = 0
  let succeeded = 0
  let unknown = 0
  for (const spec of pod.spec?.containers ?? []) {
    const state = find(main, spec.name)
    const final = ended(state?.state)
    if (state?.state?.running) running++
    else if (final) {
      stopped++
      if (final.exitCode === 0) succeeded++
    } else if (state?.state?.waiting) {
      if (ended(state.lastState)) stopped++
      else waiting++
    } else unknown++
  }
  if (finished)
    return stopped > 0 && succeeded === stopped && waiting + unknown + running === 0 ? "Succeeded" : "Failed"
  if (initPhases.some((phase) => phase !== "done") && running === 0) return "Pending"
  if (waiting > 0) return "Pending"
  if (running > 0 && unknown === 0) return "Running"
  // All have ended, and some will be started again.
  if (running === 0 && stopped > 0 && unknown === 0) return "Running"
  return "Pending"
}
