import { Backoff } from "@ladya/util"
import { StartError } from "../../containers/starter.ts"
import { durationText } from "../../runtime/image-puller.ts"
import { containerHash } from "../../runtime/labels.ts"
import {
  latest,
  latestIn,
  type ObservedContainer,
  type ObservedPod,
  type ObservedSandbox,
} from "../../runtime/observed.ts"
import type { WaitingReason } from "../../status/container-status.ts"
import type { ContainerStart, ContainerWait } from "../plan/plan.ts"
import { isHostNetwork, type Pod, type PodContainer, podText, podUid } from "../pod.ts"
import { CrashBackoff } from "./crash-backoff.ts"
import { configOf } from "./sandbox-steps.ts"
import type { WorkerDeps } from "./worker-deps.ts"

export interface LaunchInput {
  pod: Pod
  observed: ObservedPod
  sandbox: ObservedSandbox
  starts: readonly ContainerStart[]
  /** Host paths by volume name. */
  volumes: ReadonlyMap<string, string>
  signal: AbortSignal
}

const backoffKey = ({ spec }: PodContainer): string => `${spec.name}/${containerHash(spec)}`

/** Starts the containers of one pod, and remembers why they do not run and when they may be tried again. */
export class PodLauncher {
  readonly #deps: WorkerDeps
  readonly #crashes: CrashBackoff
  readonly #retry: Backoff
  /** Why containers are not running though they should, by name. */
  readonly #waiting = new Map<string, WaitingReason>()
  /** When containers that did not start may be tried again, by name. */
  readonly #notBefore = new Map<string, number>()
  /** Starts that the runtime refused and that were counted as crashes: the back-off's key by container name. */
  readonly #refused = new Map<string, string>()
  /** Ids of instances whose end is no crash: it was their sandbox that went. */
  readonly #excused = new Set<string>()

  constructor(deps: WorkerDeps) {
    this.#deps = deps
    this.#crashes = new CrashBackoff(deps.clock)
    this.#retry = new Backoff(deps.clock, { initialMs: 500, maxMs: 10_000, resetAfterMs: 60_000 })
  }

  waiting(containerName: string): WaitingReason | undefined {
    return this.#waiting.get(containerName)
  }

  /** Milliseconds that a container which has ended must still wait. */
  remaining(container: PodContainer, ended: ObservedContainer): number {
    if (this.#excused.has(ended.id)) return 0
    return this.#crashes.remaining(backoffKey(container), ended.finishedAtMs)
  }

  /**
   * The pod gets a new sandbox in place of one of these. What ran in the old one, or could not be started in it, has
   * not crashed: it starts in the new one at once, and nothing is counted.
   */
  sandboxReplaced(observed: ObservedPod): void {
    const known = new Set(observed.containers.map(({ id }) => id))
    for (const id of this.#excused) if (!known.has(id)) this.#excused.delete(id)
    for (const name of new Set(observed.containers.map((container) => container.name))) {
      const last = latest(observed, name)
      const refused = last?.state === "exited" && last.startedAtMs === 0
      if (last?.state === "running" || refused) this.#excused.add(last.id)
      const counted = this.#refused.get(name)
      if (refused && counted !== undefined) this.#crashes.takeBack(counted)
    }
    this.#refused.clear()
    this.#notBefore.clear()
  }

  /** A changed spec may be what failed starts were waiting for. */
  specChanged(): void {
    this.#notBefore.clear()
  }

  /** A container waits for its next start. */
  noteCrashLoop(pod: Pod, { container, ended }: ContainerWait): void {
    const { name } = container.spec
    const delay = durationText(this.#crashes.delay(backoffKey(container)))
    const message = `back-off ${delay} restarting failed container=${name} pod=${podText(pod)}`
    const told = this.#waiting.get(name)
    this.#waiting.set(name, { reason: "CrashLoopBackOff", message })
    if (told?.message === message) return
    const text = `Back-off restarting failed container ${ended.name} in pod ${podText(pod)}`
    this.#deps.events.container(pod, container, "Warning", "BackOff", text)
  }

  /** Starts containers one after another; returns when to try again those that did not start, in milliseconds. */
  async launch(input: LaunchInput): Promise<number | undefined> {
    const { pod, sandbox, starts, volumes, signal } = input
    const hostIps = this.#deps.hostIps()
    const context = {
      ...{ pod, sandbox, volumes, signal },
      sandboxConfig: configOf(this.#deps, pod, sandbox.attempt),
      facts: { podIps: isHostNetwork(pod) ? hostIps : sandbox.ips, hostIps },
    }
    const retries: number[] = []
    for (const start of starts) {
      signal.throwIfAborted()
      const { name, targetContainerName } = start.container.spec
      const tooSoonMs = (this.#notBefore.get(name) ?? 0) - this.#deps.clock.now()
      if (tooSoonMs > 0) {
        retries.push(tooSoonMs)
        continue
      }
      const target = targetContainerName ? latestIn(input.observed, sandbox.id, targetContainerName) : undefined
      const ended = latest(input.observed, name)
      try {
        await this.#deps.starter.start(context, { ...start, ...(target ? { targetId: target.id } : {}) })
        this.#waiting.delete(name)
        this.#notBefore.delete(name)
        this.#refused.delete(name)
        this.#noteLaunch(start.container, ended)
      } catch (error) {
        if (!(error instanceof StartError)) throw error
        retries.push(this.#noteFailure(start.container, ended, error))
      } finally {
        this.#deps.cache.mark(podUid(pod))
      }
    }
    return retries.length > 0 ? Math.min(...retries) : undefined
  }

  #noteFailure(container: PodContainer, ended: ObservedContainer | undefined, error: StartError): number {
    const { name } = container.spec
    this.#waiting.set(name, { reason: error.reason, message: error.message })
    // What the runtime refused to start has ended: its next try is a restart like any other.
    if (!error.early && this.#noteLaunch(container, ended)) this.#refused.set(name, backoffKey(container))
    const retryMs = error.early ? (error.retryAfterMs ?? this.#retry.next(name)) : 0
    this.#notBefore.set(name, this.#deps.clock.now() + retryMs)
    return retryMs
  }

  /** Counts a start after an end; returns whether it was one. */
  #noteLaunch(container: PodContainer, ended: ObservedContainer | undefined): boolean {
    if (ended?.state !== "exited" || this.#excused.has(ended.id)) return false
    this.#crashes.launched(backoffKey(container), ended.finishedAtMs)
    return true
  }
}
