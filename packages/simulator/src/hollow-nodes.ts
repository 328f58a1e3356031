import { type corev1, isPodTerminal, refs } from "@ladya/api"
import { formatMicroTime, formatTime, isStatus, setCondition } from "@ladya/apimachinery"
import type { Client, Informer } from "@ladya/client"
import { type Clock, type Component, errorMessage, type Logger, type Random, type Timer } from "@ladya/util"
import type { PodBehaviour } from "./scenario.ts"

type Pod = corev1.Pod

/** A pod's containers on a machine: what really runs, whatever the API says. */
interface Running {
  readonly key: string
  readonly uid: string
  readonly node: string
  isReady: boolean
  isStopping: boolean
  readonly timers: Timer[]
}

/** Told what really runs. */
export interface MachineObserver {
  started(key: string, uid: string, node: string): void
  stopped(key: string, uid: string): void
}

export interface HollowNodesDeps {
  client: Client
  clock: Clock
  log: Logger
  random: Random
  behaviour: PodBehaviour
  pods: Informer<Pod>
  nodes: Informer<corev1.Node>
  observer: MachineObserver
}

const heartbeatMs = 10_000
const leaseNamespace = "kube-node-lease"

/** Machines without containers: they heartbeat, run the pods that are bound to them, and can be switched off. */
export class HollowNodes implements Component {
  readonly name = "hollow-nodes"
  readonly #deps: HollowNodesDeps
  readonly #up = new Map<string, Timer>()
  readonly #running = new Map<string, Running>()
  readonly #restarts = new Map<string, number>()
  #unsubscribe: () => void = () => undefined
  #addresses = 0
  #isCalm = false

  constructor(deps: HollowNodesDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#deps.pods.addHandler({
      add: (pod) => this.#onPod(pod),
      update: (pod) => this.#onPod(pod),
      delete: (pod) => this.#end(pod.metadata.uid ?? ""),
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    for (const timer of this.#up.values()) timer.cancel()
    for (const uid of [...this.#running.keys()]) this.#end(uid)
    this.#up.clear()
  }

  /** Registers a machine and switches it on. */
  async add(node: corev1.Node): Promise<void> {
    const { client } = this.#deps
    const name = node.metadata.name ?? ""
    await client.resource(refs.nodes).create(node)
    await client.resource(refs.leases).create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: leaseNamespace },
      spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime: formatMicroTime(this.#deps.clock.now()) },
    })
    this.#switchOn(name)
  }

  isUp(name: string): boolean {
    return this.#up.has(name)
  }

  /** From now on nothing crashes by itself. */
  calm(): void {
    this.#isCalm = true
  }

  /** The names of the machines that are on, sorted. */
  get up(): string[] {
    return [...this.#up.keys()].toSorted()
  }

  /** Everything on it ends without a word. */
  switchOff(name: string): void {
    this.#up.get(name)?.cancel()
    this.#up.delete(name)
    for (const running of [...this.#running.values()]) if (running.node === name) this.#end(running.uid)
  }

  /** The pods that are still bound to it start anew. */
  switchOn(name: string): void {
    if (this.#up.has(name)) return
    this.#switchOn(name)
    for (const pod of this.#deps.pods.list()) {
      if (pod.spec?.nodeName !== name) continue
      const uid = pod.metadata.uid ?? ""
      if (pod.status?.startTime) this.#restarts.set(uid, (this.#restarts.get(uid) ?? 0) + 1)
      this.#onPod(pod)
    }
  }

  #switchOn(name: string): void {
    const beat = (): void => {
      this.#up.set(name, this.#deps.clock.setTimeout(beat, heartbeatMs))
      this.#try(this.#heartbeat(name))
    }
    // Machines do not beat in step.
    const first = Math.floor(this.#deps.random() * heartbeatMs)
    this.#up.set(name, this.#deps.clock.setTimeout(beat, first))
    this.#try(this.#heartbeat(name))
  }

  async #heartbeat(name: string): Promise<void> {
    const { client, clock, nodes } = this.#deps
    const renewTime = formatMicroTime(clock.now())
    await client.resource(refs.leases).patch(name, "merge", { spec: { renewTime } }, { namespace: leaseNamespace })
    const node = nodes.get({ namespace: "", name })
    const ready = node?.status?.conditions?.find(({ type }) => type === "Ready")
    if (ready?.status === "True") return
    const now = formatTime(clock.now())
    const conditions = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => ({
      type,
      status: type === "Ready" ? "True" : "False",
      reason: type === "Ready" ? "KubeletReady" : "KubeletHasNoPressure",
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    }))
    await client.resource(refs.nodes).patch(name, "strategic", { status: { conditions } }, { subresource: "status" })
  }

  #onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? ""
    const node = pod.spec?.nodeName
    if (!node || !this.#up.has(node)) return
    const running = this.#running.get(uid)
    if (pod.metadata.deletionTimestamp) {
      if (!running) this.#try(this.#remove(pod))
      else if (!running.isStopping) this.#shutDown(pod, running)
      return
    }
    if (!running && !isPodTerminal(pod)) this.#run(pod, node)
  }

  #run(pod: Pod, node: string): void {
    const uid = pod.metadata.uid ?? ""
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`
    const running: Running = { key, uid, node, isReady: false, isStopping: false, timers: [] }
    this.#running.set(uid, running)
    this.#deps.observer.started(key, uid, node)
    this.#try(this.#report(pod, running, false))
    this.#after(running, this.#draw(this.#deps.behaviour.startup), () => this.#becomeReady(pod, running))
  }

  #becomeReady(pod: Pod, running: Running): void {
    const { behaviour, random } = this.#deps
    running.isReady = true
    this.#try(this.#report(pod, running, true))
    if (pod.spec?.restartPolicy !== "Always") {
      const code = random() < behaviour.failing ? 1 : 0
      this.#after(running, this.#draw(behaviour.run), () => this.#exit(pod, running, code))
    } else if (behaviour.crashEvery > 0) {
      // Crashes come independently of each other: the time between them is exponential.
      const inMs = Math.ceil(-Math.log(1 - random()) * behaviour.crashEvery)
      this.#after(running, inMs, () => this.#crash(pod, running))
    }
  }

  #crash(pod: Pod, running: Running): void {
    if (running.isStopping || this.#isCalm) return
    running.isReady = false
    this.#restarts.set(running.uid, (this.#restarts.get(running.uid) ?? 0) + 1)
    this.#try(this.#report(pod, running, false))
    this.#after(running, this.#draw(this.#deps.behaviour.startup), () => this.#becomeReady(pod, running))
  }

  #exit(pod: Pod, running: Running, code: number): void {
    if (running.isStopping) return
    this.#end(running.uid)
    this.#try(this.#reportEnd(pod, code))
  }

  #shutDown(pod: Pod, running: Running): void {
    running.isStopping = true
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 30) * 1000
    const ms = Math.min(this.#draw(this.#deps.behaviour.shutdown), graceMs)
    if (running.isReady) this.#try(this.#report(pod, running, false))
    this.#after(running, ms, () => {
      this.#end(running.uid)
      this.#try(this.#remove(pod))
    })
  }

  #end(uid: string): void {
    const running = this.#running.get(uid)
    if (!running) return
    for (const timer of running.timers) timer.cancel()
    this.#running.delete(uid)
    this.#deps.observer.stopped(running.key, uid)
  }

  #after(running: Running, ms: number, then: () => void): void {
    running.timers.push(this.#deps.clock.setTimeout(then, ms))
  }

  #draw([from, to]: readonly [number, number]): number {
    return Math.round(from + this.#deps.random() * (to - from))
  }

  async #report(pod: Pod, running: Running, isReady: boolean): Promise<void> {
    const now = this.#deps.clock.now()
    const known = this.#deps.pods.get(running.key)?.status
    const ip = known?.podIP ?? this.#address()
    let conditions: readonly corev1.PodCondition[] = known?.conditions ?? []
    for (const type of ["PodScheduled", "Initialized", "ContainersReady", "Ready"]) {
      const isSet = isReady || type === "PodScheduled" || type === "Initialized"
      conditions = setCondition(conditions, { type, status: isSet ? "True" : "False" }, now)
    }
    const restartCount = this.#restarts.get(running.uid) ?? 0
    const containerStatuses = (pod.spec?.containers ?? []).map(({ name, image = "" }) => ({
      name,
      image,
      imageID: image,
      ready: isReady,
      restartCount,
      state: { running: { startedAt: formatTime(now) } },
    }))
    const startTime = known?.startTime ?? formatTime(now)
    const status = { phase: "Running", startTime, podIP: ip, podIPs: [{ ip }], conditions, containerStatuses }
    await this.#patch(pod, status)
  }

  async #reportEnd(pod: Pod, exitCode: number): Promise<void> {
    const now = this.#deps.clock.now()
    const known = this.#deps.pods.get(`${pod.metadata.namespace}/${pod.metadata.name}`)?.status
    let conditions: readonly corev1.PodCondition[] = known?.conditions ?? []
    const reason = exitCode === 0 ? "PodCompleted" : "PodFailed"
    for (const type of ["ContainersReady", "Ready"]) {
      conditions = setCondition(conditions, { type, status: "False", reason }, now)
    }
    const terminated = { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAt: formatTime(now) }
    const containerStatuses = (pod.spec?.containers ?? []).map(({ name, image = "" }) => ({
      name,
      image,
      imageID: image,
      ready: false,
      restartCount: 0,
      state: { terminated },
    }))
    await this.#patch(pod, { phase: exitCode === 0 ? "Succeeded" : "Failed", conditions, containerStatuses })
  }

  async #patch(pod: Pod, status: unknown): Promise<void> {
    const { namespace = "", name = "", uid } = pod.metadata
    const options = { namespace, subresource: "status" }
    await this.#deps.client.resource(refs.pods).patch(name, "merge", { metadata: { uid }, status }, options)
  }

  async #remove(pod: Pod): Promise<void> {
    const { namespace = "", name = "", uid = "" } = pod.metadata
    const options = { namespace, gracePeriodSeconds: 0, preconditions: { uid } }
    await this.#deps.client.resource(refs.pods).delete(name, options)
  }

  #address(): string {
    const number = this.#addresses++
    return `10.${244 + ((number >> 16) & 7)}.${(number >> 8) & 255}.${number & 255 || 1}`
  }

  // A pod that is gone or was made anew meanwhile needs no report.
  #try(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (isStatus(error, "NotFound") || isStatus(error, "Conflict")) return
      this.#deps.log.warn("a hollow node could not report", { error: errorMessage(error) })
    })
  }
}
