import { podGraceSeconds } from "../../lifecycle/killer.ts"
import type { ObservedPod, ObservedSandbox } from "../../runtime/observed.ts"
import { VolumeMountError } from "../../volumes/index.ts"
import { type PodPlan, planPod } from "../plan/plan.ts"
import { isHostNetwork, type Pod, podUid } from "../pod.ts"
import { PodResizer } from "../resize/resizer.ts"
import type { Ending } from "./ending.ts"
import { PodLauncher } from "./launcher.ts"
import { removeDead } from "./remains.ts"
import { runSandbox, stopSandboxes, writeHosts } from "./sandbox-steps.ts"
import type { WorkerDeps } from "./worker-deps.ts"

/** What comes of a round: the pod's end, or when to look again though nothing happens. */
export type SyncResult = { end: Ending } | { again: boolean; waitMs?: number }

const atOnce: SyncResult = { again: true, waitMs: 0 }

const deadlineFailure = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
}

/** Brings a pod that is to run to where its spec wants it, by one round after another. */
export class PodSync {
  readonly resizer: PodResizer
  readonly launcher: PodLauncher
  readonly #deps: WorkerDeps
  readonly #publish: (pod: Pod, observed: ObservedPod) => Promise<void>
  #admitted = false
  #prepared = false
  #volumes: ReadonlyMap<string, string> | undefined

  constructor(deps: WorkerDeps, publish: (pod: Pod, observed: ObservedPod) => Promise<void>) {
    this.#deps = deps
    this.#publish = publish
    this.resizer = new PodResizer(deps)
    this.launcher = new PodLauncher(deps)
  }

  /** Whether the node took the pod. */
  get admitted(): boolean {
    return this.#admitted
  }

  /** Whether the pod's volumes are there. */
  get mounted(): boolean {
    return this.#volumes !== undefined
  }

  /** The pod's volumes are gone, or no longer all that it needs. */
  forgetVolumes(): void {
    this.#volumes = undefined
  }

  /** One round. The signal breaks it off between two steps. */
  async round(asked: Pod, signal: AbortSignal): Promise<SyncResult> {
    const { cache, probes } = this.#deps
    let observed = await cache.get(podUid(asked))
    const rejection = this.#admit(asked, observed)
    if (rejection) return { end: rejection }
    const pod = this.resizer.decide(asked, observed.containers.length > 0)
    const deadlineMs = this.#deadline(pod)
    if (deadlineMs !== undefined && deadlineMs <= 0) {
      this.#deps.events.pod(
        pod,
        "Normal",
        "DeadlineExceeded",
        "Pod was active on the node longer than specified deadline",
      )
      return { end: { graceSeconds: podGraceSeconds(pod), failure: deadlineFailure } }
    }
    probes.sync(pod, observed)
    const plan = this.#plan(pod, observed)
    await this.#publish(pod, observed)
    if (plan.kind === "finish") return { end: { graceSeconds: podGraceSeconds(pod) } }
    await this.#prepare(pod, signal)
    if (plan.kind === "newSandbox") {
      await this.#replaceSandbox(pod, observed, plan, signal)
      return atOnce
    }
    const waits = [deadlineMs, ...plan.wait.map(({ remainingMs }) => remainingMs)]
    const resize = await this.resizer.actuate(pod, observed, plan.sandbox)
    const kill = [...plan.kill, ...resize.kill]
    if (kill.length > 0) {
      await this.#kill(pod, observed, { ...plan, kill }, signal)
      return atOnce
    }
    let again = resize.changed
    waits.push(resize.retryMs)
    if (plan.start.length > 0) {
      await writeHosts(this.#deps, pod, plan.sandbox)
      const volumes = this.#volumes ?? new Map<string, string>()
      const { sandbox, start: starts } = plan
      const retryMs = await this.launcher.launch({ pod, observed, sandbox, starts, volumes, signal })
      observed = await cache.get(podUid(pod))
      probes.sync(pod, observed)
      await this.#publish(pod, observed)
      waits.push(retryMs)
      // An init container that was started may have ended already; the next one waits for that.
      if (retryMs === undefined) again = true
    }
    await removeDead(this.#deps, observed)
    const due = waits.filter((ms) => ms !== undefined)
    return { again, ...(due.length > 0 ? { waitMs: Math.min(...due) } : {}) }
  }

  /** A pod that may not run here ends at once. */
  #admit(pod: Pod, observed: ObservedPod): Ending | undefined {
    if (this.#admitted) return undefined
    const ranBefore = observed.sandboxes.length > 0 || observed.containers.length > 0
    const rejection = ranBefore || pod.status?.startTime ? undefined : this.#deps.admit(pod)
    if (!rejection) {
      this.#admitted = true
      return undefined
    }
    const { reason, message } = rejection
    this.#deps.events.pod(pod, "Warning", reason, message)
    return { graceSeconds: 0, failure: { reason, message: `Pod was rejected: ${message}` } }
  }

  /** Milliseconds until the pod has been active for too long; undefined when it may be for ever. */
  #deadline(pod: Pod): number | undefined {
    const seconds = pod.spec?.activeDeadlineSeconds
    const start = this.#deps.status.current(pod).startTime
    if (seconds === undefined || start === undefined) return undefined
    return Date.parse(start) + seconds * 1000 - this.#deps.clock.now()
  }

  #plan(pod: Pod, observed: ObservedPod): PodPlan {
    const plan = planPod({
      pod,
      observed,
      probes: (id) => this.#deps.probes.verdicts(id),
      backoff: (container, ended) => this.launcher.remaining(container, ended),
    })
    if (plan.kind === "run") for (const wait of plan.wait) this.launcher.noteCrashLoop(pod, wait)
    return plan
  }

  /** Makes everything outside the runtime that the pod needs: once, and again after a restart of the agent. */
  async #prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    const { cgroups, directories, volumes, events } = this.#deps
    if (!this.#prepared) {
      await cgroups.ensure(pod)
      await directories.prepare(pod)
      this.#prepared = true
    }
    if (this.#volumes) return
    try {
      this.#volumes = await volumes.mount(pod, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof VolumeMountError) {
        for (const { message } of error.failures) events.pod(pod, "Warning", "FailedMount", message)
      }
      throw error
    }
  }

  async #replaceSandbox(
    pod: Pod,
    observed: ObservedPod,
    plan: PodPlan & { kind: "newSandbox" },
    signal: AbortSignal,
  ): Promise<void> {
    const { killer, events, cache } = this.#deps
    if (plan.replaces) {
      events.pod(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
      const podIp = plan.replaces.ips[0] ?? ""
      await killer.killContainers({ pod, observed, podIp, graceSeconds: podGraceSeconds(pod), signal })
      await stopSandboxes(this.#deps, observed)
      this.launcher.sandboxReplaced(observed)
      cache.mark(observed.uid)
    }
    signal.throwIfAborted()
    await runSandbox(this.#deps, pod, plan.attempt, signal)
  }

  #podIp(pod: Pod, sandbox: ObservedSandbox): string {
    return (isHostNetwork(pod) ? this.#deps.hostIps()[0] : sandbox.ips[0]) ?? ""
  }

  async #kill(pod: Pod, observed: ObservedPod, plan: PodPlan & { kind: "run" }, signal: AbortSignal): Promise<void> {
    const podIp = this.#podIp(pod, plan.sandbox)
    const graceSeconds = podGraceSeconds(pod)
    try {
      await Promise.all(
        plan.kill.map(({ container, reason, message }) =>
          this.#deps.killer.killContainer({ pod, container, podIp, reason, message, graceSeconds, signal }),
        ),
      )
    } finally {
      this.#deps.cache.mark(observed.uid)
    }
  }
}
