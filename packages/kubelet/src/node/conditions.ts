import type { corev1 } from "@ladya/api"
import type { RuntimeCondition } from "@ladya/cri"

/** What is short on the node. */
export interface Pressure {
  memory: boolean
  disk: boolean
  pid: boolean
}

/** How the runtime is. */
export type RuntimeHealth =
  | { kind: "reachable"; conditions: readonly RuntimeCondition[] }
  | { kind: "unreachable"; message: string }

export interface ConditionFacts {
  pressure: Pressure
  runtime: RuntimeHealth
  /** Pods cannot have addresses before the node has a range for them. */
  hasPodCIDR: boolean
  /** The agent is ending on purpose. */
  shuttingDown: boolean
}

type Words = readonly [reason: string, message: string]

const pressureWords: Record<string, { bad: Words; good: Words }> = {
  MemoryPressure: {
    bad: ["KubeletHasInsufficientMemory", "kubelet has insufficient memory available"],
    good: ["KubeletHasSufficientMemory", "kubelet has sufficient memory available"],
  },
  DiskPressure: {
    bad: ["KubeletHasDiskPressure", "kubelet has disk pressure"],
    good: ["KubeletHasNoDiskPressure", "kubelet has no disk pressure"],
  },
  PIDPressure: {
    bad: ["KubeletHasInsufficientPID", "kubelet has insufficient PID available"],
    good: ["KubeletHasSufficientPID", "kubelet has sufficient PID available"],
  },
}

/** Everything that keeps the node from running pods. */
export function readyErrors(facts: ConditionFacts): string[] {
  const errors: string[] = []
  const { runtime } = facts
  if (runtime.kind === "unreachable") errors.push(`container runtime is down: ${runtime.message}`)
  else {
    const wanted = { RuntimeReady: "container runtime not ready", NetworkReady: "container runtime network not ready" }
    for (const [type, words] of Object.entries(wanted)) {
      const condition = runtime.conditions.find((candidate) => candidate.type === type)
      if (condition?.status) continue
      const detail = condition
        ? `${type}=false reason:${condition.reason} message:${condition.message}`
        : `the runtime does not report ${type}`
      errors.push(`${words}: ${detail}`)
    }
  }
  if (!facts.hasPodCIDR) errors.push("node has no pod CIDR assigned")
  if (facts.shuttingDown) errors.push("node is shutting down")
  return errors
}

function condition(
  previous: readonly corev1.NodeCondition[],
  next: { type: string; status: "True" | "False"; words: Words },
  time: string,
): corev1.NodeCondition {
  const before = previous.find((candidate) => candidate.type === next.type)
  return {
    type: next.type,
    status: next.status,
    lastHeartbeatTime: time,
    lastTransitionTime: before?.status === next.status ? (before.lastTransitionTime ?? time) : time,
    reason: next.words[0],
    message: next.words[1],
  }
}

/** The conditions of the Node; those of other owners stay. `time` as the API writes it. */
export function planConditions(
  previous: readonly corev1.NodeCondition[],
  facts: ConditionFacts,
  time: string,
): corev1.NodeCondition[] {
  const pressed: [string, boolean][] = [
    ["MemoryPressure", facts.pressure.memory],
    ["DiskPressure", facts.pressure.disk],
    ["PIDPressure", facts.pressure.pid],
  ]
  const own = pressed.map(([type, bad]) => {
    const words = pressureWords[type]?.[bad ? "bad" : "good"] as Words
    return condition(previous, { type, status: bad ? "True" : "False", words }, time)
  })
  const errors = readyErrors(facts)
  const words: Words =
    errors.length === 0
      ? ["KubeletReady", "kubelet is posting ready status"]
      : ["KubeletNotReady", errors.length === 1 ? (errors[0] as string) : `[${errors.join(", ")}]`]
  own.push(condition(previous, { type: "Ready", status: errors.length === 0 ? "True" : "False", words }, time))
  const types = new Set(own.map(({ type }) => type))
  return [...previous.filter(({ type }) => !types.has(type)), ...own]
}
