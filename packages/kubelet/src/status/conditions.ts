import type { corev1 } from "@ladya/api"
import { isSidecar, type Pod } from "../pods/pod.ts"
import type { Phase } from "./phase.ts"

/** A condition before its times are known. */
export interface ConditionFact {
  type: string
  status: "True" | "False"
  reason?: string
  message?: string
}

/** The conditions that the node agent owns, in the order in which they are shown. */
export const ownedConditions = [
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
] as const

/** Conditions of ours that are there only while they are true. */
export const passingConditions = ["PodResizePending", "PodResizeInProgress"] as const

export interface ConditionInput {
  pod: Pod
  phase: Phase
  init: readonly corev1.ContainerStatus[]
  main: readonly corev1.ContainerStatus[]
  sandboxReady: boolean
}

const list = (names: readonly string[]): string => `[${names.join(" ")}]`

function problems(words: readonly [string, readonly string[]][]): string {
  return words
    .filter(([, names]) => names.length > 0)
    .map(([word, names]) => `containers with ${word} status: ${list(names)}`)
    .join(", ")
}

function initialized({ pod, phase, init, main }: ConditionInput): ConditionFact {
  const type = "Initialized"
  const specs = pod.spec?.initContainers ?? []
  if (specs.length === 0) return { type, status: "True" }
  if (phase === "Succeeded") return { type, status: "True", reason: "PodCompleted" }
  const unknown: string[] = []
  const incomplete: string[] = []
  for (const spec of specs) {
    const status = init.find(({ name }) => name === spec.name)
    if (!status) unknown.push(spec.name)
    else if (isSidecar(spec) ? !status.started : !status.ready) incomplete.push(spec.name)
  }
  const mainBegan = main.some(({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated)
  if ((unknown.length === 0 && incomplete.length === 0) || mainBegan) return { type, status: "True" }
  const message = problems([
    ["unknown", unknown],
    ["incomplete", incomplete],
  ])
  return { type, status: "False", reason: "ContainersNotInitialized", message }
}

function containersReady({ pod, phase, init, main }: ConditionInput): ConditionFact {
  const type = "ContainersReady"
  if (phase === "Succeeded") return { type, status: "False", reason: "PodCompleted" }
  if (phase === "Failed") return { type, status: "False", reason: "PodFailed" }
  const unknown: string[] = []
  const unready: string[] = []
  const counted = [
    ...(pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => [name, init] as const),
    ...(pod.spec?.containers ?? []).map(({ name }) => [name, main] as const),
  ]
  for (const [name, statuses] of counted) {
    const status = statuses.find((candidate) => candidate.name === name)
    if (!status) unknown.push(name)
    else if (!status.ready) unready.push(name)
  }
  if (unknown.length === 0 && unready.length === 0) return { type, status: "True" }
  const message = problems([
    ["unknown", unknown],
    ["unready", unready],
  ])
  return { type, status: "False", reason: "ContainersNotReady", message }
}

function ready({ pod }: ConditionInput, containers: ConditionFact): ConditionFact {
  const type = "Ready"
  if (containers.status === "False") return { ...containers, type }
  const messages: string[] = []
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const condition = pod.status?.conditions?.find((candidate) => candidate.type === conditionType)
    const gate = JSON.stringify(conditionType)
    if (!condition) messages.push(`corresponding condition of pod readiness gate ${gate} does not exist.`)
    else if (condition.status !== "True") {
      messages.push(`the status of pod readiness gate ${gate} is not "True", but ${condition.status}`)
    }
  }
  if (messages.length === 0) return { type, status: "True" }
  return { type, status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") }
}

/** The conditions of a pod, from the states of its containers. */
export function podConditions(input: ConditionInput): ConditionFact[] {
  const containers = containersReady(input)
  return [
    { type: "PodReadyToStartContainers", status: input.sandboxReady ? "True" : "False" },
    initialized(input),
    ready(input, containers),
    containers,
    { type: "PodScheduled", status: "True" },
  ]
}

/**
 * The conditions as they are written: the owned ones with the time of their last change kept while their status stays,
 * then those of others as they were.
 */
export function mergeConditions(
  facts: readonly ConditionFact[],
  previous: readonly corev1.PodCondition[],
  nowText: string,
  generation: number | undefined,
): corev1.PodCondition[] {
  const merged = facts.map((fact): corev1.PodCondition => {
    const before = previous.find(({ type }) => type === fact.type)
    const same = before?.status === fact.status
    const observed = generation ?? before?.observedGeneration
    return {
      type: fact.type,
      status: fact.status,
      ...(fact.reason ? { reason: fact.reason } : {}),
      ...(fact.message ? { message: fact.message } : {}),
      ...(observed !== undefined ? { observedGeneration: observed } : {}),
      lastTransitionTime: same && before.lastTransitionTime ? before.lastTransitionTime : nowText,
    }
  })
  const owned = new Set<string>([...facts.map(({ type }) => type), ...passingConditions])
  return [...merged, ...previous.filter(({ type }) => !owned.has(type))]
}
