import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { type Client, type InformerFactory, newInformerFactory } from "@ladya/client"
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
import { defaultConfiguration, type SchedulerConfiguration } from "./configuration/configuration.ts"
import { newDeviceView } from "./devices/view.ts"
import { Extender } from "./extenders/extender.ts"
import { type FitError, fitErrorText, noNodesText } from "./fit-error.ts"
import type { CycleState } from "./framework/cycle-state.ts"
import type { PluginDefinition } from "./framework/handle.ts"
import { newSchedulerMetrics, type SchedulerMetrics } from "./metrics.ts"
import { Nominator } from "./nominator.ts"
import { plugins as builtIn } from "./plugins/registry.ts"
import { podDeleted } from "./pod-events.ts"
import { newPodStatusWriter, type PodStatusWriter } from "./pod-status.ts"
import { newRunningProfile, type RunningProfile, schedulerOf } from "./profile.ts"
import type { QueuedPod } from "./queue/queued-pod.ts"
import { SchedulingQueue } from "./queue/scheduling-queue.ts"
import type { Choice, Outcome } from "./scheduling-cycle.ts"
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
  /** Profiles and extenders; one profile with everything on unless told. */
  configuration?: SchedulerConfiguration
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
  readonly #devices: ReturnType<typeof newDeviceView>
  readonly #waiting: WaitingPods
  readonly #status: PodStatusWriter
  readonly #profiles: ReadonlyMap<string, RunningProfile>
  readonly #extenders: readonly Extender[]
  readonly #queue: SchedulingQueue
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
    const configuration = deps.configuration ?? defaultConfiguration
    this.#config = { ...defaultSchedulerConfig, ...configuration.common, ...deps.config }
    this.#log = log
    this.#informers = deps.informers ?? newInformerFactory({ client, clock, log, random })
    this.#storage = newStorageView(this.#informers)
    this.#devices = newDeviceView(this.#informers)
    this.#waiting = new WaitingPods(clock)
    this.#status = newPodStatusWriter({ client, clock, log })
    this.#extenders = configuration.extenders.map((one) => new Extender(one))
    const shared = {
      ...{ client, clock, log, random, informers: this.#informers, config: this.#config },
      ...{ cache: this.#cache, nominator: this.#nominator, storage: this.#storage, devices: this.#devices },
      plugins: deps.plugins ?? builtIn,
      ignoredResources: this.#extenders.flatMap(({ ignoredResources }) => ignoredResources),
    }
    const profiles = configuration.profiles.map((profile) => newRunningProfile(shared, profile))
    this.#profiles = new Map(profiles.map((profile) => [profile.schedulerName, profile]))
    const [first] = profiles
    if (!first) throw new Error("a scheduler has at least one profile")
    const byName = new Map(
      profiles.flatMap(({ framework }) => framework.plugins.map((plugin) => [plugin.name, plugin])),
    )
    this.#queue = new SchedulingQueue({
      clock,
      compare: (a, b) => first.framework.compare(a, b),
      plugins: [...byName.values()],
      pluginsOf: (pod) => this.#profileOf(pod).framework.plugins,
      initialBackoffMs: this.#config.podInitialBackoffMs,
      maxBackoffMs: this.#config.podMaxBackoffMs,
      flushAfterMs: this.#config.podMaxInUnschedulablePodsMs,
      onReady: () => this.#pump(),
    })
    this.#metrics = newSchedulerMetrics(deps.metrics, this.#queue, first.schedulerName)
  }

  async start(): Promise<void> {
    for (const { recorder } of this.#profiles.values()) await recorder.start()
    this.#unsubscribe = watchCluster({
      informers: this.#informers,
      cache: this.#cache,
      queue: this.#queue,
      nominator: this.#nominator,
      waiting: this.#waiting,
      isOurs: (name) => this.#profiles.has(name),
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
      this.#devices.synced(),
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
    for (const { recorder } of this.#profiles.values()) await recorder.stop(signal)
    if (!this.#deps.informers) await this.#informers.stop(signal)
  }

  #profileOf({ pod }: PodInfo): RunningProfile {
    const profile = this.#profiles.get(schedulerOf(pod))
    if (!profile) throw new Error(`no profile is called ${schedulerOf(pod)}`)
    return profile
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
        const asked = this.#extenders.filter((extender) => extender.isInterested(pod.info))
        if (asked.length > 0) await this.#scheduleExtended(pod, asked)
        else this.#scheduleOne(pod)
        if (clock.monotonic() < sliceEnd) continue
        await settle(1)
        sliceEnd = clock.monotonic() + this.#config.sliceMs
      }
    } finally {
      this.#running = false
    }
  }

  #scheduleOne(queued: QueuedPod): void {
    const begin = this.#deps.clock.monotonic()
    try {
      this.#settleOutcome(queued, this.#profileOf(queued.info).cycle.run(queued.info), begin)
    } catch (error) {
      this.#metrics.attempt("error", (this.#deps.clock.monotonic() - begin) / 1000)
      this.#onError(queued, error)
    }
  }

  async #scheduleExtended(queued: QueuedPod, extenders: readonly Extender[]): Promise<void> {
    const begin = this.#deps.clock.monotonic()
    const { cycle } = this.#profileOf(queued.info)
    try {
      const outcome = await cycle.runExtended(queued.info, extenders, this.#stopping.signal)
      this.#settleOutcome(queued, outcome, begin)
    } catch (error) {
      this.#metrics.attempt("error", (this.#deps.clock.monotonic() - begin) / 1000)
      this.#onError(queued, error)
    }
  }

  #settleOutcome(queued: QueuedPod, outcome: Outcome, begin: number): void {
    const took = (): number => (this.#deps.clock.monotonic() - begin) / 1000
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
  }

  #place(queued: QueuedPod, { state, node, looked, feasible }: Choice): void {
    const pod = queued.info
    const { framework } = this.#profileOf(pod)
    this.#cache.assume(pod, node.name)
    this.#nominator.delete(pod.uid)
    const reserved = framework.reserve(state, pod, node.name)
    const permitted = reserved ? undefined : framework.permit(state, pod, node.name)
    const refusal = reserved ?? permitted?.refusal
    if (refusal) {
      if (!reserved) framework.unreserve(state, pod, node.name)
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
    const { framework, recorder } = this.#profileOf(pod)
    const signal = this.#stopping.signal
    try {
      const rejected = waits.size > 0 ? await this.#waiting.wait(pod.uid, waits) : undefined
      if (rejected) throw new Error(rejected)
      const refusal = framework.hasPreBind ? await framework.preBind(state, pod, nodeName, signal) : undefined
      if (refusal) throw new Error(refusal.reasons.join(", "))
      const binder = this.#extenders.find((extender) => extender.isBinder && extender.isInterested(pod))
      if (binder) await binder.bind(pod, nodeName, signal)
      else await framework.bind(state, pod, nodeName, signal)
    } catch (error) {
      this.#onBindError(queued, state, nodeName, error)
      return
    }
    const seconds = (this.#deps.clock.now() - (queued.firstTriedAt ?? queued.queuedAt)) / 1000
    this.#metrics.bound(seconds, queued.attempts)
    const text = `Successfully assigned ${pod.key} to ${nodeName}`
    recorder.event(pod.pod, "Normal", "Scheduled", text)
    framework.postBind(state, pod, nodeName)
  }

  #onBindError(queued: QueuedPod, state: CycleState, nodeName: string, error: unknown): void {
    const pod = queued.info
    this.#profileOf(pod).framework.unreserve(state, pod, nodeName)
    this.#cache.forget(pod.uid)
    // What the pod was thought to take is free again.
    this.#queue.onEvent(podDeleted(pod.pod))
    this.#onError(queued, isStatus(error) ? error : new Error(`binding rejected: ${errorMessage(error)}`))
  }

  #onFitError(queued: QueuedPod, fit: FitError & { state: CycleState }): void {
    const pod = queued.info
    const found =
      fit.podReasons.length > 0 ? undefined : this.#profileOf(pod).framework.postFilter(fit.state, pod, fit.refusals)
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
    this.#profileOf(queued.info).recorder.event(pod, "Warning", "FailedScheduling", message)
    this.#status.unscheduled(pod, reason, message, nominatedNodeName)
  }
}
