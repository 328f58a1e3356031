import type { corev1 } from "@ladya/api"
import type { RuntimeService } from "@ladya/cri"
import { type Clock, errorMessage, type Logger, timeoutSignal } from "@ladya/util"
import type { KillReason } from "../pods/plan/plan.ts"
import { findContainer, isSidecar, type Pod, type PodContainer } from "../pods/pod.ts"
import { annotations } from "../runtime/labels.ts"
import { type ObservedContainer, type ObservedPod, runningContainers } from "../runtime/observed.ts"
import type { HookRunner } from "./hooks.ts"

export interface KillContainer {
  /** Undefined when only the runtime knows of the pod: then the container's own annotations are used. */
  pod: Pod | undefined
  container: ObservedContainer
  podIp: string
  reason?: KillReason
  /** Of the event; `Stopping container …` unless told. */
  message?: string
  graceSeconds: number
  signal: AbortSignal
}

export interface KillPod {
  pod: Pod | undefined
  observed: ObservedPod
  podIp: string
  graceSeconds: number
  signal: AbortSignal
}

export interface Killer {
  /** Runs the preStop hook and stops the container, both within the grace period. */
  killContainer(request: KillContainer): Promise<void>
  /** Stops everything that runs: the main containers at once, then the sidecars from the last to the first. */
  killContainers(request: KillPod): Promise<void>
}

export interface KillerDeps {
  runtime: RuntimeService
  hooks: HookRunner
  clock: Clock
  log: Logger
  event(pod: Pod, container: PodContainer, type: "Normal" | "Warning", reason: string, message: string): void
}

/** However long the hook took, a process gets this long after SIGTERM. */
const minimumGraceSeconds = 2

/** How long a pod's processes may take to end: by its deletion, or by its spec. */
export function podGraceSeconds(pod: Pod): number {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds !== undefined) return deletionGracePeriodSeconds
  return pod.spec?.terminationGracePeriodSeconds ?? 30
}

/** As podGraceSeconds, from what was noted on a container whose pod's object is gone. */
export function notedGraceSeconds(container: ObservedContainer): number {
  const noted = Number(container.annotations[annotations.podGracePeriod])
  return Number.isFinite(noted) ? noted : 30
}

function parseNote<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T)
  } catch {
    return undefined
  }
}

/** The container's spec, or what its annotations tell of it. */
function specFor({ pod, container }: KillContainer): corev1.Container {
  const spec = pod && findContainer(pod, container.name)?.spec
  if (spec) return spec
  const preStop = parseNote<corev1.LifecycleHandler>(container.annotations[annotations.preStop])
  const ports = parseNote<corev1.ContainerPort[]>(container.annotations[annotations.ports])
  return { name: container.name, ...(ports ? { ports } : {}), ...(preStop ? { lifecycle: { preStop } } : {}) }
}

function probeGrace(spec: corev1.Container, reason: KillReason | undefined): number | undefined {
  if (reason === "livenessProbe") return spec.livenessProbe?.terminationGracePeriodSeconds
  if (reason === "startupProbe") return spec.startupProbe?.terminationGracePeriodSeconds
  return undefined
}

export function newKiller(deps: KillerDeps): Killer {
  const { runtime, hooks, clock, log } = deps

  const tell = (
    { pod, container }: KillContainer,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
  ): void => {
    const known = pod && findContainer(pod, container.name)
    if (pod && known) deps.event(pod, known, type, reason, message)
  }

  /** Returns the seconds that the hook took. */
  async function preStop(request: KillContainer, spec: corev1.Container, graceSeconds: number): Promise<number> {
    const hook = spec.lifecycle?.preStop
    if (!hook || graceSeconds <= 0) return 0
    const startedAt = clock.monotonic()
    const timeout = timeoutSignal(clock, graceSeconds * 1000, request.signal)
    try {
      const { podIp } = request
      await hooks.run(hook, { containerId: request.container.id, container: spec, podIp, signal: timeout.signal })
    } catch (error) {
      request.signal.throwIfAborted()
      if (timeout.signal.aborted) log.info("a preStop hook outlasted the grace period", { container: spec.name })
      else {
        log.info("a preStop hook failed", { container: spec.name, error: errorMessage(error) })
        tell(request, "Warning", "FailedPreStopHook", "PreStopHook failed")
      }
    } finally {
      timeout.clear()
    }
    return Math.floor((clock.monotonic() - startedAt) / 1000)
  }

  async function killContainer(request: KillContainer): Promise<void> {
    const spec = specFor(request)
    const grace = probeGrace(spec, request.reason) ?? request.graceSeconds
    tell(request, "Normal", "Killing", request.message ?? `Stopping container ${spec.name}`)
    const used = await preStop(request, spec, grace)
    // A grace of 0 means now; otherwise the process gets a moment even after a long hook.
    const rest = grace <= 0 ? 0 : Math.max(minimumGraceSeconds, grace - used)
    await runtime.stopContainer(request.container.id, rest, { signal: request.signal })
  }

  async function killContainers({ pod, observed, podIp, graceSeconds, signal }: KillPod): Promise<void> {
    const running = runningContainers(observed)
    const sidecars = (pod?.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
    const startedAt = clock.monotonic()
    const left = (): number => Math.max(0, Math.ceil(graceSeconds - (clock.monotonic() - startedAt) / 1000))
    const kill = (container: ObservedContainer): Promise<void> =>
      killContainer({ pod, container, podIp, graceSeconds: left(), signal })
    await all(running.filter(({ name }) => !sidecars.includes(name)).map(kill))
    for (const name of sidecars.toReversed())
      await all(running.filter((container) => container.name === name).map(kill))
  }

  return { killContainer, killContainers }
}

/** Waits for all; then throws the first error. */
async function all(tasks: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((result) => result.status === "rejected")
  if (failed) throw failed.reason
}
