import { keyOf, keyText } from "@ladya/apimachinery"
import type { Informer } from "@ladya/client"
import { type Component, errorMessage, sleep } from "@ladya/util"
import { isMirrorPod, isStaticPod, isTerminalPhase, type Pod, podUid } from "./pod.ts"
import { mirroredUid } from "./static/mirror-pods.ts"
import { PodWorker } from "./worker/worker.ts"
import type { WorkerDeps } from "./worker/worker-deps.ts"

/** How static pods are shown in the API. */
export interface StaticPodViews {
  add(pod: Pod): void
  remove(uid: string): void
}

export interface PodManagerDeps extends Omit<WorkerDeps, "admit" | "resize"> {
  /** The pods that are bound to this node. */
  pods: Informer<Pod>
  admit(pod: Pod, others: readonly Pod[]): ReturnType<WorkerDeps["admit"]>
  resize(asked: Pod, granted: Pod, others: readonly Pod[]): ReturnType<WorkerDeps["resize"]>
  mirrors?: StaticPodViews
  /** How often what is left of pods that are gone is looked for; a minute unless told. */
  housekeepingMs?: number
}

/** All pods of this node: one worker each, from the API or, when only the runtime knows of a pod, to end it. */
export interface PodManager extends Component {
  /** Something of this pod may have changed. */
  wake(uid: string): void
  /** The runtime was listed: pods that the API does not know are ended. */
  seen(uids: ReadonlySet<string>): void
  /** Every pod of the API on this node, with its status as last found. */
  all(): Pod[]
  find(namespace: string, name: string): Pod | undefined
  /** Ends a pod because the node cannot keep it. */
  evict(uid: string, failure: { reason: string; message: string }, graceSeconds: number): void
  /** A pod from a file of the node. */
  addStatic(pod: Pod): void
  removeStatic(pod: Pod): void
}

export function newPodManager(deps: PodManagerDeps): PodManager {
  return new Pods(deps)
}

class Pods implements PodManager {
  readonly name = "pods"
  readonly #deps: PodManagerDeps
  readonly #workers = new Map<string, PodWorker>()
  /** Static pods that wait for the end of the one whose file they stand in now, by its uid. */
  readonly #successors = new Map<string, Pod>()
  readonly #stop = new AbortController()
  #removeHandler: (() => void) | undefined
  #housekeeping: Promise<void> | undefined
  #synced = false

  constructor(deps: PodManagerDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    const { pods, cache } = this.#deps
    await pods.start()
    if (this.#stop.signal.aborted) return
    this.#removeHandler = pods.addHandler({
      add: (pod) => this.#saw(pod),
      update: (pod) => this.#saw(pod),
      delete: (pod) => this.#workers.get(podUid(pod))?.gone(pod),
    })
    this.#synced = true
    this.seen(cache.uids())
    this.#housekeeping = this.#keepHouse()
  }

  async stop(): Promise<void> {
    this.#removeHandler?.()
    this.#stop.abort()
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()))
    await this.#housekeeping
  }

  wake(uid: string): void {
    this.#workers.get(uid)?.wake()
  }

  seen(uids: ReadonlySet<string>): void {
    // Before the API was asked, nobody can tell which pods are gone.
    if (!this.#synced || this.#stop.signal.aborted) return
    for (const uid of uids) {
      if (this.#workers.has(uid)) continue
      this.#deps.log.info("a pod that the API does not know is ended", { uid })
      this.#add(uid, undefined).wake()
    }
  }

  all(): Pod[] {
    return [...this.#workers.values()].flatMap(({ pod }) => (pod ? [this.#withStatus(pod)] : []))
  }

  find(namespace: string, name: string): Pod | undefined {
    const pod = this.#deps.pods.get({ namespace, name })
    const worker = pod && this.#workers.get(isMirrorPod(pod) ? mirroredUid(pod) : podUid(pod))
    return worker?.pod ? this.#withStatus(worker.pod) : undefined
  }

  evict(uid: string, failure: { reason: string; message: string }, graceSeconds: number): void {
    this.#workers.get(uid)?.evict(failure, graceSeconds)
  }

  addStatic(pod: Pod): void {
    const uid = podUid(pod)
    const before = this.#predecessor(pod)
    if (before) {
      // The file was changed: what it described before must have ended first.
      this.#successors.set(before.uid, pod)
      return
    }
    this.#deps.mirrors?.add(pod)
    if (!this.#workers.has(uid)) this.#add(uid, pod).wake()
  }

  /** The worker of a pod of the same name that is, or may be, still there: one of the node's files, or the runtime's alone. */
  #predecessor(pod: Pod): PodWorker | undefined {
    const uid = podUid(pod)
    const name = keyText(keyOf(pod))
    for (const worker of this.#workers.values()) {
      const other = worker.pod
      if (other && worker.uid !== uid && isStaticPod(other) && keyText(keyOf(other)) === name) return worker
    }
    const left = this.#deps.cache
      .uidsNamed(pod.metadata.namespace ?? "", pod.metadata.name ?? "")
      .find((other) => other !== uid)
    if (left === undefined) return undefined
    const worker = this.#workers.get(left) ?? this.#add(left, undefined)
    worker.wake()
    return worker
  }

  removeStatic(pod: Pod): void {
    for (const [uid, successor] of this.#successors) {
      if (podUid(successor) === podUid(pod)) this.#successors.delete(uid)
    }
    const grace = pod.spec?.terminationGracePeriodSeconds ?? 30
    const deletionTimestamp = this.#deps.timeText(this.#deps.clock.now())
    const metadata = { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace }
    this.#workers.get(podUid(pod))?.gone({ ...pod, metadata })
  }

  #withStatus(pod: Pod): Pod {
    return { ...pod, status: this.#deps.status.current(pod) }
  }

  #saw(pod: Pod): void {
    if (isMirrorPod(pod)) return
    const uid = podUid(pod)
    const worker = this.#workers.get(uid)
    if (worker) worker.update(pod)
    else this.#add(uid, pod).wake()
    if (!worker) this.#balance()
  }

  #add(uid: string, pod: Pod | undefined): PodWorker {
    if (pod) this.#deps.status.saw(pod)
    const others = (): Pod[] =>
      [...this.#workers.values()].flatMap((other) =>
        other.uid !== uid && other.active && other.granted ? [other.granted] : [],
      )
    const deps: WorkerDeps = {
      ...this.#deps,
      admit: (candidate) => this.#deps.admit(candidate, others()),
      resize: (asked, granted) => this.#deps.resize(asked, granted, others()),
    }
    const worker = new PodWorker(deps, uid, pod, (removed) => {
      this.#workers.delete(removed)
      this.#deps.mirrors?.remove(removed)
      const successor = this.#successors.get(removed)
      this.#successors.delete(removed)
      if (successor) this.addStatic(successor)
      this.#balance()
    })
    this.#workers.set(uid, worker)
    return worker
  }

  #balance(): void {
    const running = [...this.#workers.values()].flatMap(({ pod }) =>
      pod && !isTerminalPhase(pod.status?.phase) ? [pod] : [],
    )
    this.#deps.cgroups.balance(running).catch(() => undefined)
  }

  async #keepHouse(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#removeOrphans().catch((error: unknown) =>
        this.#deps.log.warn("what is left of old pods was not removed", { error: errorMessage(error) }),
      )
      await sleep(this.#deps.clock, this.#deps.housekeepingMs ?? 60_000, signal).catch(() => undefined)
    }
  }

  /** Removes files and control groups of pods that neither the API nor the runtime knows. */
  async #removeOrphans(): Promise<void> {
    const { cgroups, directories, volumes, cache } = this.#deps
    const [groups, logs] = await Promise.all([cgroups.list(), directories.logUids()])
    const known = (): Set<string> => new Set([...this.#workers.keys(), ...cache.uids()])
    for (const uid of groups) if (!known().has(uid)) await cgroups.remove(uid)
    for (const uid of logs) if (!known().has(uid)) await directories.removeLogs(uid)
    await volumes.removeOrphans(known())
  }
}
