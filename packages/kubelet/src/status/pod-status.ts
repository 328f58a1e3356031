import type { corev1 } from "@ladya/api"
import { isHostNetwork, isTerminalPhase, type Pod, type PodContainer, podContainers } from "../pods/pod.ts"
import { qosClass } from "../pods/resources.ts"
import { latest, type ObservedContainer, type ObservedPod, readySandbox } from "../runtime/observed.ts"
import { type ConditionFact, mergeConditions, podConditions } from "./conditions.ts"
import { containerStatus, type WaitingReason } from "./container-status.ts"
import { type Phase, podPhase } from "./phase.ts"

export interface PodStatusInput {
  pod: Pod
  /** The status that was last written: its times, restart counts and conditions of others are kept. */
  previous: corev1.PodStatus
  observed: ObservedPod
  hostIps: readonly string[]
  nowMs: number
  timeText(ms: number): string
  waiting(containerName: string): WaitingReason | undefined
  probes(containerId: string): { started: boolean; ready: boolean }
  terminationMessage(container: ObservedContainer): string
  /** Nothing of the pod will be started again: its phase is Succeeded or Failed. */
  finished: boolean
  /** Conditions that are there only for a time, such as those of a resize. */
  passing?: readonly ConditionFact[]
  /** The node agent's own verdict: rejected, or over its deadline. */
  failure?: { reason: string; message: string }
}

/** Whether all init containers that must end have, so that what waits now is the main containers. */
function initDone(pod: Pod, observed: ObservedPod): boolean {
  return (pod.spec?.initContainers ?? []).every(({ name, restartPolicy }) => {
    const container = latest(observed, name)
    if (restartPolicy === "Always") return container?.startedAtMs !== undefined && container.startedAtMs > 0
    return container?.state === "exited" && container.exitCode === 0
  })
}

function statuses(
  input: PodStatusInput,
  kind: PodContainer["kind"],
  previous: readonly corev1.ContainerStatus[] | undefined,
): corev1.ContainerStatus[] {
  const initializing = kind !== "ephemeral" && !initDone(input.pod, input.observed)
  return podContainers(input.pod)
    .filter((container) => container.kind === kind)
    .map((container) =>
      containerStatus({
        pod: input.pod,
        observed: input.observed,
        container,
        previous: previous?.find(({ name }) => name === container.spec.name),
        waiting: input.waiting(container.spec.name),
        defaultWaiting: initializing ? "PodInitializing" : "ContainerCreating",
        probes: input.probes,
        terminationMessage: input.terminationMessage,
        finished: input.finished,
        timeText: input.timeText,
      }),
    )
}

function addresses(input: PodStatusInput): Partial<corev1.PodStatus> {
  const { pod, observed, previous, hostIps } = input
  const host = hostIps[0] ? { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) } : {}
  const sandboxIps = readySandbox(observed)?.ips ?? []
  const own = isHostNetwork(pod) ? hostIps : sandboxIps
  if (own[0]) return { ...host, podIP: own[0], podIPs: own.map((ip) => ({ ip })) }
  // A pod that is ending, or whose sandbox is being replaced, keeps the address it had.
  return {
    ...host,
    ...(previous.podIP ? { podIP: previous.podIP } : {}),
    ...(previous.podIPs ? { podIPs: previous.podIPs } : {}),
  }
}

function phaseOf(
  input: PodStatusInput,
  init: readonly corev1.ContainerStatus[],
  main: readonly corev1.ContainerStatus[],
): Phase {
  // A final phase is final.
  if (isTerminalPhase(input.previous.phase)) return input.previous.phase
  if (input.failure && input.finished) return "Failed"
  return podPhase(input.pod, init, main, input.finished)
}

/** The status of a pod, from its spec, what the runtime has of it, and what the node agent knows beside. */
export function podStatus(input: PodStatusInput): corev1.PodStatus {
  const { pod, previous, observed, failure } = input
  // Of a pod that was refused there is nothing to tell but that.
  const refused = failure !== undefined && input.finished && observed.containers.length === 0
  const init = refused ? [] : statuses(input, "init", previous.initContainerStatuses)
  const main = refused ? [] : statuses(input, "main", previous.containerStatuses)
  const ephemeral = refused ? [] : statuses(input, "ephemeral", previous.ephemeralContainerStatuses)
  const phase = phaseOf(input, init, main)
  const sandboxReady = readySandbox(observed) !== undefined
  const facts = [...podConditions({ pod, phase, init, main, sandboxReady }), ...(input.passing ?? [])]
  const generation = pod.metadata.generation
  const nowText = input.timeText(input.nowMs)
  const verdict =
    failure ?? (previous.reason ? { reason: previous.reason, message: previous.message ?? "" } : undefined)
  return {
    ...(generation !== undefined ? { observedGeneration: generation } : {}),
    phase,
    conditions: mergeConditions(facts, previous.conditions ?? [], nowText, generation),
    ...(verdict ? { reason: verdict.reason, ...(verdict.message ? { message: verdict.message } : {}) } : {}),
    ...addresses(input),
    startTime: previous.startTime ?? nowText,
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    ...(main.length > 0 ? { containerStatuses: main } : {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    qosClass: previous.qosClass ?? qosClass(pod),
  }
}
