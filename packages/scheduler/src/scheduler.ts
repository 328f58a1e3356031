import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import {
  type Client,
  type EventRecorder,
  type InformerFactory,
  newEventRecorder,
  newInformerFactory,
} from "@ladya/client"
import {
  type Clock,
  type Component,
  errorMessage,
  type Logger,
  type MetricsRegistry,
  newDeferred,
  type Random,
  settle,
} from "@ladya/util"
import { ClusterCache } from "./cache/cluster-cache.ts"
import { PodInfo } from "./cache/pod-info.ts"
import { watchCluster } from "./cluster-watcher.ts"
import { defaultSchedulerConfig, type SchedulerConfig } from "./config.ts"
import { type FitError, fitErrorText, noNodesText } from "./fit-error.ts"
import type { CycleState } from "./framework/cycle-state.ts"
import { Framework, type WeightedPlugin } from "./framework/framework.ts"
import type { PluginDefinition, PluginHandle } from "./framework/handle.ts"
import { newSchedulerMetrics, type SchedulerMetrics } from "./metrics.ts"
import { Nominator } from "./nominator.ts"
import { newDefaultPreemption } from "./plugins/default-preemption/index.ts"
import { plugins as builtIn } from "./plugins/registry.ts"
import { podDeleted } from "./pod-events.ts"
import { newPodStatusWriter, type PodStatusWriter } from "./pod-status.ts"
import type { QueuedPod } from "./queue/queued-pod.ts"
import { SchedulingQueue } from "./queue/scheduling-queue.ts"
import { type Choice, SchedulingCycle } from "./scheduling-cycle.ts"
import { newStorageView } from "./storage/view.ts"
import { WaitingPods } from "./waiting-pods.ts"

export interface SchedulerDeps {
  client: Client
  clock: Clock
  log: Logger
  random: Random
  metrics: MetricsRegistry
  /** Shared with others in the process; of its own unless told. Then who made it starts and stops it. */
  informers?: InformerFactory
  config?: Partial<SchedulerConfig>
  /** The plugins of the profile; the built-in ones unless told. */
  plugins?: readonly PluginDefinition[]
}

/** Gives pods without a node one, by the API alone. */
export function newScheduler(deps: SchedulerDeps): Component {
  return new Scheduler(deps)
}

class Scheduler implements Component {
  readonly name = "scheduler"
  readonly #deps: SchedulerDeps
  readonly #config: SchedulerConfig
  readonly #log: Logger
  readonly #informers: InformerFactory
  readonly #cache = new ClusterCache()
  readonly #nominator = new Nominator()
  readonly #storage: ReturnType<typeof newStorageView>
  readonly #waiting: WaitingPods
  readonly #recorder: EventRecorder
  readonly #status: PodStatusWriter
  readonly #framework: Framework
  readonly #queue: SchedulingQueue
  readonly #cycle: SchedulingCycle
  readonly #metrics: SchedulerMetrics
  readonly #stopping = new AbortController()
  readonly #bindings = new Set<Promise<void>>()
  #slot = newDeferred<void>()
  #running = false
  #started = false
  #unsubscribe: () => void = () => undefined

  constructor(deps: SchedulerDeps) {
    const { client, clock, log, random } = deps
    this.#deps = deps
    this.#config = { ...defaultSchedulerConfig, ...deps.config }
    this.#log = log
    this.#informers = deps.informers ?? newInformerFactory({ client, clock, log, random })
    this.#storage = newStorageView(this.#informers)
    this.#waiting = new WaitingPods(clock)
    this.#recorder = newEventRecorder({ client, component: this.#config.schedulerName, clock, log, random })
    this.#status = newPodStatusWriter({ client, clock, log })
    this.#framework = new Framework(this.#makePlugins())
    this.#queue = new SchedulingQueue({
      clock,
      compare: (a, b) => this.#framework.compare(a, b),
      plugins: this.#framework.plugins,
      initialBackoffMs: this.#config.podInitialBackoffMs,
      maxBackoffMs: this.#config.podMaxBackoffMs,
      flushAfterMs: this.#config.podMaxInUnschedulablePodsMs,
      onReady: () => this.#pump(),
    })
    this.#cycle = new SchedulingCycle({
      framework: this.#framework,
      nodes: this.#cache,
      nominations: this.#nominator,
      config: this.#config,
      random,
    })
    this.#metrics = newSchedulerMetrics(deps.metrics, this.#queue, this.#config.schedulerName)
  }

  async start(): Promise<void> {
    await this.#recorder.start()
    this.#unsubscribe = watchCluster({
      informers: this.#informers,
      cache: this.#cache,
      queue: this.#queue,
      nominator: this.#nominator,
      waiting: this.#waiting,
      schedulerName: this.#config.schedulerName,
    })
    if (!this.#deps.informers) await this.#informers.start()
    const { nodes, pods, namespaces, poddisruptionbudgets } = refs
    const informers = this.#informers
    await Promise.all([
      informers.informer(nodes).synced(),
      informers.informer(pods).synced(),
      informers.informer(namespaces).synced(),
      informers.informer(poddisruptionbudgets).synced(),
      this.#storage.synced(),
    ])
    this.#started = true
    this.#pump()
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#unsubscribe()
    this.#started = false
    this.#queue.close()
    this.#waiting.rejectAll("the scheduler stops")
    const deadline = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener("abort", () => resolve(), { once: true })
    })
    await Promise.race([Promise.all([...this.#bindings, this.#status.flush()]), deadline])
    this.#stopping.abort(new Error("the scheduler stops"))
    await this.#recorder.stop(signal)
    if (!this.#deps.informers) await this.#informers.stop(signal)
  }

  #makePlugins(): WeightedPlugin[] {
    const { client, clock, log, random } = this.#deps
    const namespaces = this.#informers.informer(refs.namespaces)
    const budgets = this.#informers.informer(refs.poddisruptionbudgets)
    const handle: PluginHandle = {
      cache: this.#cache,
      client,
      clock,
      log,
      config: this.#config,
      namespaceLabels: (name) => namespaces.get(name)?.metadata.labels,
      storage: this.#storage,
    }
    const preemption = newDefaultPreemption(handle, {
      framework: () => this.#framework,
      nominator: this.#nominator,
      budgets: () => budgets.list(),
      recorder: this.#recorder,
      random,
    })
    return [
      ...(this.#deps.plugins ?? builtIn).map(({ create, weight }) => ({ plugin: create(handle), weight: weight ?? 1 })),
      { plugin: preemption, weight: 1 },
    ]
  }

  #pump(): void {
    if (this.#running || !this.#started) return
    this.#running = true
    void this.#run().catch((error: unknown) => this.#log.error("the scheduling loop failed", { error }))
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps
    try {
      // What arrives at the same time is put in order first.
      await settle(1)
      let sliceEnd = clock.monotonic() + this.#config.sliceMs
      while (this.#started) {
        while (this.#bindings.size >= this.#config.maxBindings) await this.#slot.promise
        const pod = this.#queue.pop()
        if (!pod) return
        this.#scheduleOne(pod)
        if (clock.monotonic() < sliceEnd) continue
        await settle(1)
        sliceEnd = clock.monotonic() + this.#config.sliceMs
      }
    } finally {
      this.#running = false
    }
  }

  #scheduleOne(queued: QueuedPod): void {
    const { clock } = this.#deps
    const begin = clock.monotonic()
    const took = (): number => (clock.monotonic() - begin) / 1000
    try {
      const outcome = this.#cycle.run(queued.info)
      if (outcome.kind === "chosen") {
        this.#place(queued, outcome)
        this.#metrics.attempt("scheduled", took())
        return
      }
      if (outcome.kind === "fit") this.#onFitError(queued, outcome)
      else {
        this.#queue.addUnschedulable(queued, new Set())
        this.#report(queued, "Unschedulable", noNodesText, "")
      }
      this.#metrics.attempt("unschedulable", took())
    } catch (error) {
      this.#metrics.attempt("error", took())
      this.#onError(queued, error)
    }
  }

  #place(queued: QueuedPod, { state, node, looked, feasible }: Choice): void {
    const pod = queued.info
    this.#cache.assume(pod, node.name)
    this.#nominator.delete(pod.uid)
    const reserved = this.#framework.reserve(state, pod, node.name)
    const permitted = reserved ? undefined : this.#framework.permit(state, pod, node.name)
    const refusal = reserved ?? permitted?.refusal
    if (refusal) {
      if (!reserved) this.#framework.unreserve(state, pod, node.name)
      this.#cache.forget(pod.uid)
      this.#onFitError(queued, {
        kind: "fit",
        state,
        nodeCount: this.#cache.list.length,
        podReasons: refusal.reasons,
        refusals: new Map(),
        postFilterMessage: "",
        plugins: new Set([refusal.plugin]),
      })
      return
    }
    this.#log.debug("node chosen", { pod: pod.key, node: node.name, looked, feasible })
    this.#track(this.#bind(queued, state, node.name, permitted?.waits ?? new Map()))
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      this.#bindings.delete(tracked)
      const slot = this.#slot
      this.#slot = newDeferred<void>()
      slot.resolve()
    })
    this.#bindings.add(tracked)
  }

  async #bind(
    queued: QueuedPod,
    state: CycleState,
    nodeName: string,
    waits: ReadonlyMap<string, number>,
  ): Promise<void> {
    const pod = queued.info
    const signal = this.#stopping.signal
    try {
      const rejected = waits.size > 0 ? await this.#waiting.wait(pod.uid, waits) : undefined
      if (rejected) throw new Error(rejected)
      const refusal = this.#framework.hasPreBind
        ? await this.#framework.preBind(state, pod, nodeName, signal)
        : undefined
      if (refusal) throw new Error(refusal.reasons.join(", "))
      await this.#framework.bind(state, pod, nodeName, signal)
    } catch (error) {
      this.#onBindError(queued, state, nodeName, error)
      return
    }
    const seconds = (this.#deps.clock.now() - (queued.firstTriedAt ?? queued.queuedAt)) / 1000
    this.#metrics.bound(seconds, queued.attempts)
    const text = `Successfully assigned ${pod.key} to ${nodeName}`
    this.#recorder.event(pod.pod, "Normal", "Scheduled", text)
    this.#framework.postBind(state, pod, nodeName)
  }

  #onBindError(queued: QueuedPod, state: CycleState, nodeName: string, error: unknown): void {
    const pod = queued.info
    this.#framework.unreserve(state, pod, nodeName)
    this.#cache.forget(pod.uid)
    // What the pod was thought to take is free again.
    this.#queue.onEvent(podDeleted(pod.pod))
    this.#onError(queued, isStatus(error) ? error : new Error(`binding rejected: ${errorMessage(error)}`))
  }

  #onFitError(queued: QueuedPod, fit: FitError & { state: CycleState }): void {
    const pod = queued.info
    const found = fit.podReasons.length > 0 ? undefined : this.#framework.postFilter(fit.state, pod, fit.refusals)
    const nominated = found?.verdict.code === "ok" ? (found.nominatedNodeName ?? "") : ""
    const message = fitErrorText({ ...fit, postFilterMessage: found?.message ?? fit.postFilterMessage })
    if (nominated) this.#nominator.set(pod, nominated)
    this.#queue.addUnschedulable(queued, fit.plugins)
    this.#report(queued, "Unschedulable", message, nominated || (pod.pod.status?.nominatedNodeName ?? ""))
    if (!found?.work) return
    const work = found.work().catch((error: unknown) => {
      this.#log.error("preemption failed", { pod: pod.key, error })
      this.#queue.activate([pod.uid])
    })
    this.#track(work)
  }

  #onError(queued: QueuedPod, error: unknown): void {
    const pod = queued.info
    const current = this.#informers.informer(refs.pods).get(pod.key)
    const gone = !current || current.metadata.uid !== pod.uid || Boolean(current.spec?.nodeName)
    if (gone || isStatus(error, "NotFound")) return
    this.#log.error("scheduling failed; it will be tried again", { pod: pod.key, error })
    queued.info = current === pod.pod ? pod : new PodInfo(current)
    this.#queue.addAfterError(queued)
    this.#report(queued, "SchedulerError", errorMessage(error), "")
  }

  #report(
    queued: QueuedPod,
    reason: "Unschedulable" | "SchedulerError",
    message: string,
    nominatedNodeName: string,
  ): void {
    const { pod, key } = queued.info
    this.#log.debug("pod not scheduled", { pod: key, reason, message })
    this.#recorder.event(pod, "Warning", "FailedScheduling", message)
    this.#status.unscheduled(pod, reason, message, nominatedNodeName)
  }
}
