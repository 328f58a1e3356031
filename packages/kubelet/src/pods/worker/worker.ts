import { Backoff, errorMessage, type Timer } from "@ladya/util"
import { notedGraceSeconds, podGraceSeconds } from "../../lifecycle/killer.ts"
import { type ObservedPod, runningContainers } from "../../runtime/observed.ts"
import { isTerminalPhase, type Pod, podText } from "../pod.ts"
import { type Ending, PodRelease, stopPod } from "./ending.ts"
import { PodReporter } from "./reporter.ts"
import { PodSync } from "./sync.ts"
import type { WorkerDeps } from "./worker-deps.ts"

/** Why a step was broken off. */
class Interrupted extends Error {
  override name = "Interrupted"
}

/**
 * Brings one pod to where its spec wants it, and at last to its end. It does one thing at a time; what happens
 * meanwhile only wakes it again. `pod` is undefined when only the runtime knows of the pod.
 */
export class PodWorker {
  readonly uid: string
  readonly #deps: WorkerDeps
  readonly #retry: Backoff
  readonly #reporter: PodReporter
  readonly #syncing: PodSync
  readonly #release: PodRelease
  #pod: Pod | undefined
  /** The API does not have the pod any more. */
  #gone: boolean
  #phase: "syncing" | "ending" | "ended" | "removed" = "syncing"
  #ending: Ending | undefined
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
    this.#reporter = new PodReporter(deps)
    this.#syncing = new PodSync(deps, (known, observed) => this.#publish(known, observed))
    this.#release = new PodRelease(deps, uid)
    this.#retry = new Backoff(deps.clock, { initialMs: 500, maxMs: 10_000, resetAfterMs: 60_000 })
    if (pod) this.#consider(pod)
  }

  /** The pod's object; undefined for what only the runtime knows. */
  get pod(): Pod | undefined {
    return this.#pod
  }

  /** The pod's object with the resources that it was granted. */
  get granted(): Pod | undefined {
    return this.#pod && this.#syncing.resizer.granted(this.#pod)
  }

  /** Whether the pod counts as running on this node. One that the API has forgotten has given its room to others already. */
  get active(): boolean {
    return this.#syncing.admitted && !this.#gone && (this.#phase === "syncing" || this.#phase === "ending")
  }

  /** The pod's object changed. */
  update(pod: Pod): void {
    this.#deps.status.saw(pod)
    const before = this.#pod
    this.#pod = pod
    if (before && this.#syncing.mounted) this.#deps.volumes.update(pod)
    if (before?.metadata.generation !== pod.metadata.generation) this.#syncing.launcher.specChanged()
    // An ephemeral container may mount a volume that none before it did.
    if (before?.spec?.ephemeralContainers?.length !== pod.spec?.ephemeralContainers?.length)
      this.#syncing.forgetVolumes()
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
    if (this.#phase === "ended") await this.#giveBack()
    return undefined
  }

  async #orphanGrace(): Promise<number> {
    const observed = await this.#deps.cache.get(this.uid)
    return Math.max(0, ...runningContainers(observed).map(notedGraceSeconds))
  }

  async #sync(pod: Pod, signal: AbortSignal): Promise<number | undefined> {
    const result = await this.#syncing.round(pod, signal)
    if ("end" in result) {
      this.#end(result.end)
      return 0
    }
    if (result.again) this.#again = true
    return result.waitMs
  }

  async #stopAll(signal: AbortSignal): Promise<void> {
    const pod = this.granted
    const after = await stopPod(this.#deps, {
      ...{ uid: this.uid, pod, ending: this.#ending, signal },
      publish: (known, observed) => this.#publish(known, observed),
    })
    this.#phase = "ended"
    if (pod) await this.#publish(pod, after)
  }

  async #giveBack(): Promise<void> {
    const isGone = await this.#release.advance(() => (this.#gone ? undefined : this.#pod))
    this.#syncing.forgetVolumes()
    if (!isGone) return
    this.#phase = "removed"
    this.#removed(this.uid)
  }

  async #publish(pod: Pod, observed: ObservedPod): Promise<void> {
    if (this.#gone) return
    await this.#reporter.report(pod, observed, {
      finished: this.#phase === "ended",
      failure: this.#ending?.failure,
      passing: this.#phase === "syncing" ? this.#syncing.resizer.conditions : [],
      waiting: (name) => this.#syncing.launcher.waiting(name),
    })
  }
}

function sameConditions(a: Pod, b: Pod): boolean {
  const text = (pod: Pod): string =>
    (pod.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`).join()
  return text(a) === text(b)
}
