import { Backoff, errorMessage, type Timer } from "@ladya/util"
import { notedGraceSeconds, podGraceSeconds } from "../lifecycle/killer.ts"
import { type ObservedPod, type ObservedSandbox, runningContainers } from "../runtime/observed.ts"
import { VolumeMountError } from "../volumes/index.ts"
import { PodLauncher } from "./launcher.ts"
import { type PodPlan, planPod } from "./plan.ts"
import { isHostNetwork, isTerminalPhase, type Pod, podText } from "./pod.ts"
import { removeDead, removeRemains } from "./remains.ts"
import { PodReporter } from "./reporter.ts"
import { PodResizer } from "./resizer.ts"
import { runSandbox, stopSandboxes, writeHosts } from "./sandbox-steps.ts"
import type { WorkerDeps } from "./worker-deps.ts"

/** Why a step was broken off. */
class Interrupted extends Error {
  override name = "Interrupted"
}

interface Ending {
  graceSeconds: number
  /** The node agent's own verdict on the pod. */
  failure?: { reason: string; message: string }
}

const deadlineFailure = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
}

/**
 * Brings one pod to where its spec wants it, and at last to its end. It does one thing at a time; what happens
 * meanwhile only wakes it again. `pod` is undefined when only the runtime knows of the pod.
 */
export class PodWorker {
  readonly uid: string
  readonly #deps: WorkerDeps
  readonly #retry: Backoff
  readonly #resizer: PodResizer
  readonly #launcher: PodLauncher
  readonly #reporter: PodReporter
  #pod: Pod | undefined
  /** The API does not have the pod any more. */
  #gone: boolean
  #phase: "syncing" | "ending" | "ended" | "removed" = "syncing"
  #ending: Ending | undefined
  #admitted = false
  #prepared = false
  #volumes: ReadonlyMap<string, string> | undefined
  #released = false
  #finalized = false
  #again = false
  #running: Promise<void> | undefined
  #timer: Timer | undefined
  #step = new AbortController()
  #stopped = false
  readonly #removed: (uid: string) => void

  constructor(deps: WorkerDeps, uid: string, pod: Pod | undefined, removed: (uid: string) => void) {
    this.uid = uid
    this.#deps = deps
    this.#pod = pod
    this.#gone = pod === undefined
    this.#removed = removed
    this.#launcher = new PodLauncher(deps)
    this.#reporter = new PodReporter(deps)
    this.#resizer = new PodResizer(deps)
    this.#retry = new Backoff(deps.clock, { initialMs: 500, maxMs: 10_000, resetAfterMs: 60_000 })
    if (pod) this.#consider(pod)
  }

  /** The pod's object; undefined for what only the runtime knows. */
  get pod(): Pod | undefined {
    return this.#pod
  }

  /** The pod's object with the resources that it was granted. */
  get granted(): Pod | undefined {
    return this.#pod && this.#resizer.granted(this.#pod)
  }

  /** Whether the pod counts as running on this node. */
  get active(): boolean {
    return this.#admitted && (this.#phase === "syncing" || this.#phase === "ending")
  }

  /** The pod's object changed. */
  update(pod: Pod): void {
    this.#deps.status.saw(pod)
    const before = this.#pod
    this.#pod = pod
    if (before && this.#volumes) this.#deps.volumes.update(pod)
    if (before?.metadata.generation !== pod.metadata.generation) this.#launcher.specChanged()
    // An ephemeral container may mount a volume that none before it did.
    if (before?.spec?.ephemeralContainers?.length !== pod.spec?.ephemeralContainers?.length) this.#volumes = undefined
    this.#consider(pod)
    const onlyStatus =
      before !== undefined &&
      before.metadata.generation === pod.metadata.generation &&
      before.metadata.deletionTimestamp === pod.metadata.deletionTimestamp &&
      pod.metadata.generation !== undefined
    // Our own writes come back as updates: conditions of others are all that can matter in them.
    if (onlyStatus && !pod.spec?.readinessGates?.length && sameConditions(before, pod)) return
    this.wake()
  }

  /** The API does not have the pod any more. */
  gone(pod: Pod): void {
    this.#gone = true
    this.#pod = pod
    // Removed by force: whatever ran goes at once, but with a moment for its last words.
    this.#end({ graceSeconds: Math.max(1, pod.metadata.deletionTimestamp ? podGraceSeconds(pod) : 1) })
    this.wake()
  }

  /** The node ends the pod for a reason of its own; its status says why. */
  evict(failure: { reason: string; message: string }, graceSeconds: number): void {
    if (this.#pod) this.#deps.events.pod(this.#pod, "Warning", failure.reason, failure.message)
    this.#end({ graceSeconds, failure })
    this.wake()
  }

  /** Something may have happened: look again. */
  wake(): void {
    if (this.#stopped || this.#phase === "removed") return
    this.#again = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined
      // Woken between the loop's last look and now.
      if (this.#again) this.wake()
    })
  }

  /** Lets the pod be, as it is. Resolves when nothing is being done to it any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#step.abort(new Interrupted())
    await this.#running
  }

  #consider(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) this.#end({ graceSeconds: podGraceSeconds(pod) })
    else if (isTerminalPhase(pod.status?.phase) && this.#phase === "syncing")
      this.#end({ graceSeconds: podGraceSeconds(pod) })
  }

  /** Begins the end of the pod, or makes it come sooner. */
  #end(ending: Ending): void {
    if (this.#phase === "ended" || this.#phase === "removed") return
    const sooner = this.#ending !== undefined && ending.graceSeconds < this.#ending.graceSeconds
    if (this.#phase === "ending" && !sooner) return
    this.#ending = { ...this.#ending, ...ending }
    this.#phase = "ending"
    this.#step.abort(new Interrupted())
  }

  async #loop(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      this.#step = new AbortController()
      try {
        const waitMs = await this.#advance(this.#step.signal)
        this.#retry.reset("")
        if (waitMs !== undefined) this.#wakeIn(waitMs)
      } catch (error) {
        if (error instanceof Interrupted) this.#again = true
        else {
          this.#deps.log.info("a pod is not yet as it should be", {
            pod: this.#pod ? podText(this.#pod) : this.uid,
            error: errorMessage(error),
          })
          this.#wakeIn(this.#retry.next(""))
        }
      }
    }
  }

  #wakeIn(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#deps.clock.setTimeout(() => this.wake(), ms)
  }

  /** One round. Returns when to look again though nothing happens, in milliseconds. */
  async #advance(signal: AbortSignal): Promise<number | undefined> {
    if (this.#phase === "syncing" && !this.#pod) this.#end({ graceSeconds: await this.#orphanGrace() })
    if (this.#phase === "syncing") return this.#sync(this.#pod as Pod, signal)
    if (this.#phase === "ending") await this.#stopAll(signal)
    if (this.#phase === "ended") await this.#release()
    return undefined
  }

  async #orphanGrace(): Promise<number> {
    const observed = await this.#deps.cache.get(this.uid)
    return Math.max(0, ...runningContainers(observed).map(notedGraceSeconds))
  }

  // ---- while it is to run

  async #sync(asked: Pod, signal: AbortSignal): Promise<number | undefined> {
    const { cache, probes } = this.#deps
    let observed = await cache.get(this.uid)
    if (!this.#admit(asked, observed)) return 0
    const pod = this.#resizer.decide(asked, observed.containers.length > 0)
    const deadlineMs = this.#deadline(pod)
    if (deadlineMs !== undefined && deadlineMs <= 0) {
      this.#deps.events.pod(
        pod,
        "Normal",
        "DeadlineExceeded",
        "Pod was active on the node longer than specified deadline",
      )
      this.#end({ graceSeconds: podGraceSeconds(pod), failure: deadlineFailure })
      return 0
    }
    probes.sync(pod, observed)
    const plan = this.#plan(pod, observed)
    await this.#publish(pod, observed)
    if (plan.kind === "finish") {
      this.#end({ graceSeconds: podGraceSeconds(pod) })
      return 0
    }
    await this.#prepare(pod, signal)
    if (plan.kind === "newSandbox") {
      await this.#replaceSandbox(pod, observed, plan, signal)
      return 0
    }
    const waits = [deadlineMs, ...plan.wait.map(({ remainingMs }) => remainingMs)]
    const resize = await this.#resizer.actuate(pod, observed, plan.sandbox)
    const kill = [...plan.kill, ...resize.kill]
    if (kill.length > 0) {
      await this.#kill(pod, observed, { ...plan, kill }, signal)
      return 0
    }
    if (resize.changed) this.#again = true
    waits.push(resize.retryMs)
    if (plan.start.length > 0) {
      await writeHosts(this.#deps, pod, plan.sandbox)
      const volumes = this.#volumes ?? new Map<string, string>()
      const { sandbox, start: starts } = plan
      const retryMs = await this.#launcher.launch({ pod, observed, sandbox, starts, volumes, signal })
      observed = await cache.get(this.uid)
      probes.sync(pod, observed)
      await this.#publish(pod, observed)
      waits.push(retryMs)
      // An init container that was started may have ended already; the next one waits for that.
      if (retryMs === undefined) this.#again = true
    }
    await removeDead(this.#deps, observed)
    const due = waits.filter((ms) => ms !== undefined)
    return due.length > 0 ? Math.min(...due) : undefined
  }

  /** Whether the pod may run here; a pod that is refused ends at once. */
  #admit(pod: Pod, observed: ObservedPod): boolean {
    if (this.#admitted) return true
    const ranBefore = observed.sandboxes.length > 0 || observed.containers.length > 0
    const rejection = ranBefore || pod.status?.startTime ? undefined : this.#deps.admit(pod)
    if (!rejection) {
      this.#admitted = true
      return true
    }
    const { reason, message } = rejection
    this.#deps.events.pod(pod, "Warning", reason, message)
    this.#end({ graceSeconds: 0, failure: { reason, message: `Pod was rejected: ${message}` } })
    return false
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
      backoff: (container, ended) => this.#launcher.remaining(container, ended),
    })
    if (plan.kind === "run") for (const wait of plan.wait) this.#launcher.noteCrashLoop(pod, wait)
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
      this.#launcher.sandboxReplaced(observed)
      cache.mark(this.uid)
    }
    signal.throwIfAborted()
    await runSandbox(this.#deps, pod, plan.attempt, signal)
    this.#again = true
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
    this.#again = true
  }

  // ---- its end

  async #stopAll(signal: AbortSignal): Promise<void> {
    const { cache, killer, probes } = this.#deps
    const pod = this.granted
    const observed = await cache.get(this.uid)
    probes.terminating(this.uid)
    if (pod && !this.#ending?.failure) await this.#publish(pod, observed)
    const podIp = (pod && isHostNetwork(pod) ? this.#deps.hostIps()[0] : observed.sandboxes[0]?.ips[0]) ?? ""
    const graceSeconds = this.#ending?.graceSeconds ?? 0
    try {
      if (runningContainers(observed).length > 0) {
        await killer.killContainers({ pod, observed, podIp, graceSeconds, signal })
      }
      await stopSandboxes(this.#deps, observed)
    } finally {
      if (observed.sandboxes.length > 0) cache.mark(this.uid)
    }
    const after = await cache.get(this.uid)
    const [left] = runningContainers(after)
    if (left) throw new Error(`container ${left.name} is still running`)
    probes.remove(this.uid)
    this.#phase = "ended"
    if (pod) await this.#publish(pod, after)
  }

  /** Gives back what the pod holds on the node, and at last the pod itself. */
  async #release(): Promise<void> {
    const { volumes, cgroups, puller, status } = this.#deps
    const pod = this.#pod
    if (!this.#released) {
      await volumes.unmount(this.uid)
      await cgroups.remove(this.uid)
      puller.forget(this.uid)
      this.#volumes = undefined
      this.#released = true
    }
    if (pod && !this.#gone) {
      if (pod.metadata.deletionTimestamp === undefined) return
      await status.flushed(this.uid)
      if (!this.#finalized) await status.finalize(pod)
      this.#finalized = true
    }
    await removeRemains(this.#deps, this.uid)
    this.#phase = "removed"
    this.#removed(this.uid)
  }

  async #publish(pod: Pod, observed: ObservedPod): Promise<void> {
    if (this.#gone) return
    await this.#reporter.report(pod, observed, {
      finished: this.#phase === "ended",
      failure: this.#ending?.failure,
      passing: this.#phase === "syncing" ? this.#resizer.conditions : [],
      waiting: (name) => this.#launcher.waiting(name),
    })
  }
}

function sameConditions(a: Pod, b: Pod): boolean {
  const text = (pod: Pod): string =>
    (pod.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`).join()
  return text(a) === text(b)
}
