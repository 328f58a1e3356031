import { type corev1, isPodTerminal, refs } from "@ladya/api"
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
import { defaultSchedulerConfig, type SchedulerConfig } from "./config.ts"
import { type FitError, fitErrorText, noNodesText } from "./fit-error.ts"
import type { ClusterEvent } from "./framework/cluster-event.ts"
import type { CycleState } from "./framework/cycle-state.ts"
import { Framework, type WeightedPlugin } from "./framework/framework.ts"
import type { PluginDefinition, PluginHandle } from "./framework/handle.ts"
import { newSchedulerMetrics, type SchedulerMetrics } from "./metrics.ts"
import { Nominator } from "./nominator.ts"
import { newDefaultPreemption } from "./plugins/default-preemption/index.ts"
import { plugins as builtIn } from "./plugins/registry.ts"
import { isRelevantChange, nodeEvent, podEvent } from "./pod-events.ts"
import { newPodStatusWriter, type PodStatusWriter } from "./pod-status.ts"
import type { QueuedPod } from "./queue/queued-pod.ts"
import { SchedulingQueue } from "./queue/scheduling-queue.ts"
import { type Choice, SchedulingCycle } from "./scheduling-cycle.ts"
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

const podDeleted = (object: corev1.Pod): ClusterEvent => ({ resource: "AssignedPod", actions: ["Delete"], object })

class Scheduler implements Component {
  readonly name = "scheduler"
  readonly #deps: SchedulerDeps
  readonly #config: SchedulerConfig
  readonly #log: Logger
  readonly #informers: InformerFactory
  readonly #cache = new ClusterCache()
  readonly #nominator = new Nominator()
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
  #unsubscribe: (() => void)[] = []

  constructor(deps: SchedulerDeps) {
    const { client, clock, log, random } = deps
    this.#deps = deps
    this.#config = { ...defaultSchedulerConfig, ...deps.config }
    this.#log = log
    this.#informers = deps.informers ?? newInformerFactory({ client, clock, log, random })
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
    const nodes = this.#informers.informer(refs.nodes)
    const pods = this.#informers.informer(refs.pods)
    const namespaces = this.#informers.informer(refs.namespaces)
    const budgets = this.#informers.informer(refs.poddisruptionbudgets)
    this.#unsubscribe = [
      nodes.addHandler({
        add: (node) => this.#onNode({ resource: "Node", actions: ["Add"], object: node }, node),
        update: (node, previous) => {
          const event = nodeEvent(node, previous)
          if (event) this.#onNode(event, node)
          else this.#cache.setNode(node)
        },
        delete: (node) => {
          this.#cache.removeNode(node.metadata.name ?? "")
          this.#queue.onEvent({ resource: "Node", actions: ["Delete"], object: node })
        },
      }),
      namespaces.addHandler({
        add: (object) => this.#queue.onEvent({ resource: "Namespace", actions: ["Add"], object }),
        update: (object, previous) =>
          this.#queue.onEvent({ resource: "Namespace", actions: ["UpdateLabels"], object, previous }),
      }),
      pods.addHandler({
        add: (pod) => this.#onPodAdded(pod),
        update: (pod, previous) => this.#onPodUpdated(pod, previous),
        delete: (pod) => this.#onPodDeleted(pod),
      }),
    ]
    if (!this.#deps.informers) await this.#informers.start()
    await Promise.all([nodes, pods, namespaces, budgets].map((informer) => informer.synced()))
    this.#started = true
    this.#pump()
  }

  async stop(signal: AbortSignal): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
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

  #onNode(event: ClusterEvent, node: corev1.Node): void {
    this.#cache.setNode(node)
    this.#queue.onEvent(event)
  }

  #isOurs(pod: corev1.Pod): boolean {
    return (pod.spec?.schedulerName || "default-scheduler") === this.#config.schedulerName
  }

  #enqueue(pod: corev1.Pod): void {
    if (!this.#isOurs(pod) || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return
    const info = new PodInfo(pod)
    if (this.#cache.isAssumed(info.uid)) return
    if (pod.status?.nominatedNodeName) this.#nominator.set(info, pod.status.nominatedNodeName)
    this.#queue.add(info)
  }

  #onPodAdded(pod: corev1.Pod): void {
    if (!pod.spec?.nodeName) {
      this.#enqueue(pod)
      return
    }
    if (isPodTerminal(pod)) return
    this.#cache.setPod(pod)
    this.#queue.onEvent({ resource: "AssignedPod", actions: ["Add"], object: pod })
  }

  #onPodUpdated(pod: corev1.Pod, previous: corev1.Pod): void {
    if (!isRelevantChange(pod, previous)) return
    if (pod.spec?.nodeName) this.#onAssignedUpdate(pod, previous)
    else this.#onWaitingUpdate(pod, previous)
  }

  #onAssignedUpdate(pod: corev1.Pod, previous: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    if (isPodTerminal(pod)) {
      if (isPodTerminal(previous)) return
      this.#cache.removePod(uid)
      this.#queue.onEvent(podDeleted(pod))
      return
    }
    this.#cache.setPod(pod)
    if (!previous.spec?.nodeName) {
      this.#queue.delete(uid)
      this.#nominator.delete(uid)
      this.#queue.onEvent({ resource: "AssignedPod", actions: ["Add"], object: pod })
      return
    }
    const event = podEvent("AssignedPod", pod, previous)
    if (event) this.#queue.onEvent(event)
  }

  #onWaitingUpdate(pod: corev1.Pod, previous: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    if (isPodTerminal(pod) || pod.metadata.deletionTimestamp) {
      this.#queue.delete(uid)
      this.#nominator.delete(uid)
      return
    }
    if (!this.#isOurs(pod) || this.#cache.isAssumed(uid)) return
    const info = new PodInfo(pod)
    const nominated = pod.status?.nominatedNodeName
    if (nominated) this.#nominator.set(info, nominated)
    else if (previous.status?.nominatedNodeName) this.#nominator.delete(uid)
    const event = podEvent("Pod", pod, previous) ?? { resource: "Pod", actions: [], object: pod, previous }
    if (!this.#queue.update(info, event)) this.#enqueue(pod)
  }

  #onPodDeleted(pod: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    this.#nominator.delete(uid)
    if (pod.spec?.nodeName) {
      this.#cache.removePod(uid)
      if (!isPodTerminal(pod)) this.#queue.onEvent(podDeleted(pod))
      return
    }
    this.#queue.delete(uid)
    this.#waiting.reject(uid, "the pod was deleted")
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
