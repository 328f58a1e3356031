import { containerHash } from "../../runtime/labels.ts"
import {
  latest,
  latestIn,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
} from "../../runtime/observed.ts"
import { findContainer, isSidecar, type Pod, type PodContainer, podContainers } from "../pod.ts"
import { shouldRestart } from "./restart.ts"

/** What the probes have found of one instance of a container. */
export interface ProbeVerdicts {
  startup?: "success" | "failure"
  liveness?: "failure"
}

export interface PlanInput {
  pod: Pod
  observed: ObservedPod
  /** By container id; undefined when nothing is known of it. */
  probes(containerId: string): ProbeVerdicts | undefined
  /** Milliseconds that a container which has ended must still wait before it is started again. */
  backoff(container: PodContainer, ended: ObservedContainer): number
}

export type KillReason = "unknown" | "livenessProbe" | "startupProbe" | "definitionChanged" | "resize"

export interface ContainerKill {
  container: ObservedContainer
  reason: KillReason
  /** Of the Killing event. */
  message: string
}

export interface ContainerStart {
  container: PodContainer
  restartCount: number
}

/** A container that is to be started again, but not yet. */
export interface ContainerWait {
  container: PodContainer
  ended: ObservedContainer
  remainingMs: number
}

/** What is to be done so that the runtime has what the pod's spec asks for; `kill` comes before `start`. */
export type PodPlan =
  /** Everything has ended that will ever run: stop what is left and end the pod. */
  | { kind: "finish" }
  /** The sandbox is gone or useless: stop what ran in it, then run a new one. */
  | { kind: "newSandbox"; attempt: number; replaces: ObservedSandbox | undefined }
  | {
      kind: "run"
      sandbox: ObservedSandbox
      kill: readonly ContainerKill[]
      start: readonly ContainerStart[]
      wait: readonly ContainerWait[]
    }

/** The newest sandbox, unless it cannot be used any more. */
function usableSandbox(pod: Pod, observed: ObservedPod): ObservedSandbox | undefined {
  const [newest, ...older] = observed.sandboxes
  if (!newest?.ready) return undefined
  // Two that are ready: nobody can tell which one the containers should be in.
  if (older.some((sandbox) => sandbox.ready)) return undefined
  const hostNetwork = pod.spec?.hostNetwork === true
  if (newest.hostNetwork !== hostNetwork) return undefined
  if (!hostNetwork && newest.ips.length === 0) return undefined
  return newest
}

/** Whether nothing of the pod will run again, though its sandbox is gone. */
function isDoneWithoutSandbox(pod: Pod, observed: ObservedPod): boolean {
  if (observed.containers.length === 0) return false
  if ((pod.spec?.restartPolicy ?? "Always") === "Never") {
    const restartable = (pod.spec?.containers ?? []).some((container) => {
      const ended = latest(observed, container.name)
      return ended !== undefined && shouldRestart(pod, { kind: "main", sidecar: false, spec: container }, ended)
    })
    return !restartable
  }
  return (pod.spec?.containers ?? []).every((container) => {
    const ended = latest(observed, container.name)
    return ended?.state === "exited" && !shouldRestart(pod, { kind: "main", sidecar: false, spec: container }, ended)
  })
}

/** Collects what one round does to containers. */
class Round {
  readonly kill: ContainerKill[] = []
  readonly start: ContainerStart[] = []
  readonly wait: ContainerWait[] = []
  readonly #input: PlanInput

  constructor(input: PlanInput) {
    this.#input = input
  }

  /** Starts a container (again), or lets it wait for its back-off. */
  launch(container: PodContainer): void {
    const last = latest(this.#input.observed, container.spec.name)
    const remainingMs = last?.state === "exited" ? this.#input.backoff(container, last) : 0
    if (last && remainingMs > 0) this.wait.push({ container, ended: last, remainingMs })
    else this.start.push({ container, restartCount: last ? last.restartCount + 1 : 0 })
  }

  replace(container: PodContainer, running: ObservedContainer, reason: KillReason, why: string, again: boolean): void {
    const message = `Container ${container.spec.name} ${why}${again ? ", will be restarted" : ""}`
    this.kill.push({ container: running, reason, message })
  }
}

/** Why a running container must go, if it must. */
function unfit(
  container: PodContainer,
  running: ObservedContainer,
  verdicts: ProbeVerdicts | undefined,
): { reason: KillReason; why: string } | undefined {
  if (running.hash !== "" && running.hash !== containerHash(container.spec)) {
    return { reason: "definitionChanged", why: "definition changed" }
  }
  if (verdicts?.liveness === "failure") return { reason: "livenessProbe", why: "failed liveness probe" }
  if (verdicts?.startup === "failure") return { reason: "startupProbe", why: "failed startup probe" }
  return undefined
}

type InitOutcome = "done" | "busy" | "failed"

/** Brings the init containers on by one step: each waits for the one before it, sidecars only for its start. */
function planInit(input: PlanInput, sandbox: ObservedSandbox, round: Round): InitOutcome {
  const { pod, observed } = input
  const specs = pod.spec?.initContainers ?? []
  const mainBegan = (pod.spec?.containers ?? []).some(({ name }) => latestIn(observed, sandbox.id, name))
  const seen = specs.map(({ name }) => latestIn(observed, sandbox.id, name))
  // What stands before one that has run must have run too, though its remains may be gone.
  const lastSeen = mainBegan ? specs.length : seen.findLastIndex((container) => container !== undefined)
  for (const [index, spec] of specs.entries()) {
    const container: PodContainer = { kind: "init", sidecar: isSidecar(spec), spec }
    const outcome = container.sidecar
      ? planSidecar(input, container, seen[index], round)
      : planInitStep(input, container, seen[index], index < lastSeen, round)
    if (outcome === "done" || (mainBegan && outcome !== "failed")) continue
    return outcome
  }
  return "done"
}

function planInitStep(
  { pod }: PlanInput,
  container: PodContainer,
  current: ObservedContainer | undefined,
  passed: boolean,
  round: Round,
): InitOutcome {
  if (passed) return "done"
  if (current?.state === "running") return "busy"
  if (current?.state === "exited" && current.exitCode === 0) return "done"
  if (current?.state === "exited" && !shouldRestart(pod, container, current)) return "failed"
  if (current?.state === "unknown") round.replace(container, current, "unknown", "is in unknown state", true)
  round.launch(container)
  return "busy"
}

function planSidecar(
  { probes }: PlanInput,
  container: PodContainer,
  current: ObservedContainer | undefined,
  round: Round,
): InitOutcome {
  if (current?.state !== "running") {
    if (current?.state === "unknown") round.replace(container, current, "unknown", "is in unknown state", true)
    round.launch(container)
    return "busy"
  }
  const verdicts = probes(current.id)
  const problem = unfit(container, current, verdicts)
  if (problem) {
    // It is started again in the round after its end.
    round.replace(container, current, problem.reason, problem.why, true)
    return "busy"
  }
  return container.spec.startupProbe && verdicts?.startup !== "success" ? "busy" : "done"
}

/** Plans the main containers; returns how many of them run on or will run. */
function planMain(input: PlanInput, sandbox: ObservedSandbox, round: Round): number {
  const { pod, observed, probes } = input
  let alive = 0
  for (const spec of pod.spec?.containers ?? []) {
    const container: PodContainer = { kind: "main", sidecar: false, spec }
    const last = latest(observed, spec.name)
    if (last?.state === "running" && last.sandboxId !== sandbox.id) {
      // Left over from a sandbox that is no longer the pod's.
      round.replace(container, last, "unknown", "runs in a sandbox that was replaced", true)
      alive++
    } else if (last?.state === "running") {
      const problem = unfit(container, last, probes(last.id))
      const again = problem ? shouldRestart(pod, container, { ...last, state: "exited", exitCode: 137 }) : true
      if (problem) round.replace(container, last, problem.reason, problem.why, again)
      alive++
    } else if (!last || shouldRestart(pod, container, last)) {
      if (last?.state === "unknown") round.replace(container, last, "unknown", "is in unknown state", true)
      round.launch(container)
      alive++
    }
  }
  return alive
}

/** What to do next for a pod, from what is wanted and what is there. Pure: the same input gives the same plan. */
export function planPod(input: PlanInput): PodPlan {
  const { pod, observed } = input
  const sandbox = usableSandbox(pod, observed)
  if (!sandbox) {
    if (isDoneWithoutSandbox(pod, observed)) return { kind: "finish" }
    const [newest] = observed.sandboxes
    return { kind: "newSandbox", attempt: newest ? newest.attempt + 1 : 0, replaces: newest }
  }
  const round = new Round(input)
  for (const container of podContainers(pod)) {
    if (container.kind === "ephemeral" && !latest(observed, container.spec.name)) round.launch(container)
  }
  const init = planInit(input, sandbox, round)
  if (init === "failed") return { kind: "finish" }
  if (init === "done" && planMain(input, sandbox, round) === 0) return { kind: "finish" }
  return { kind: "run", sandbox, kill: round.kill, start: round.start, wait: round.wait }
}

/** The container of the spec that an observed one is an instance of. */
export function specOf(pod: Pod, container: ObservedContainer): PodContainer | undefined {
  return findContainer(pod, container.name)
}
