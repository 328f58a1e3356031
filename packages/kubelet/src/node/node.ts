import { type corev1, refs } from "@ladya/api"
import { formatTime, isStatus, jsonEqual } from "@ladya/apimachinery"
import type { Image, RuntimeVersion } from "@ladya/cri"
import { Backoff, errorMessage, sleep } from "@ladya/util"
import { planResources, type ResourceList } from "./capacity.ts"
import { writeCni } from "./cni.ts"
import type { RuntimeHealth } from "./conditions.ts"
import { type MachineFacts, readMachineFacts } from "./facts.ts"
import { runLease } from "./lease.ts"
import { register } from "./registration.ts"
import { hasStatusChanged, planNodeStatus, planStatusPatch } from "./status.ts"
import type { NodeComponent, NodeDeps } from "./types.ts"

/** How often the status is looked at. */
const checkMs = 10_000
/** How often while the node is not Ready yet. */
const notReadyCheckMs = 100
const slowNotReadyCheckMs = 2_000
/** How often it is sent though nothing changed. */
const reportMs = 5 * 60_000
const runtimeTimeoutMs = 5_000

export function newNode(deps: NodeDeps): NodeComponent {
  return new NodeAgent(deps)
}

class NodeAgent implements NodeComponent {
  readonly name = "node"
  readonly #deps: NodeDeps
  readonly #stop = new AbortController()
  readonly #ready = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()
  #machine: MachineFacts | undefined
  #allocatable: ResourceList = {}
  #version: RuntimeVersion | undefined
  #registered: corev1.Node | undefined
  #lastSent = Number.NEGATIVE_INFINITY
  /** The status of each condition that was last told. */
  #noted: ReadonlyMap<string, string> = new Map()
  #fastChecks = 0
  #running: Promise<unknown> | undefined
  #removeHandler: (() => void) | undefined

  constructor(deps: NodeDeps) {
    this.#deps = deps
  }

  async start(): Promise<void> {
    const { config, nodes } = this.#deps
    this.#machine = await readMachineFacts(config.dataDirectory)
    this.#allocatable = planResources(this.#machine, config).allocatable
    await this.#register()
    const isOwn = (node: corev1.Node): boolean => node.metadata.name === config.nodeName
    this.#removeHandler = nodes.addHandler({
      add: (node) => isOwn(node) && this.trigger(),
      update: (node, previous) => {
        if (!isOwn(node)) return
        const hasAddresses = String(node.spec?.podCIDRs) !== String(previous.spec?.podCIDRs)
        // Extended resources come and go by other hands.
        if (hasAddresses || !jsonEqual(node.status?.capacity, previous.status?.capacity)) this.trigger()
      },
    })
    const { client, clock, log } = this.#deps
    const lease = runLease(
      { client, clock, log, nodeName: config.nodeName, nodeUid: () => this.current()?.metadata.uid },
      this.#stop.signal,
    )
    this.#running = Promise.all([lease, this.#loop()])
  }

  async stop(): Promise<void> {
    this.#removeHandler?.()
    this.#stop.abort()
    this.#wake.resolve()
    await this.#running
  }

  current(): corev1.Node | undefined {
    const seen = this.#deps.nodes.get(this.#deps.config.nodeName)
    return newer(seen, this.#registered)
  }

  allocatable(): Readonly<Record<string, string>> {
    return this.#allocatable
  }

  trigger(): void {
    this.#wake.resolve()
  }

  ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Tries until it works: without a Node there is nothing else to do. */
  async #register(): Promise<void> {
    const { client, clock, log, config } = this.#deps
    const backoff = new Backoff(clock, { initialMs: 100, maxMs: 7_000 })
    for (;;) {
      try {
        const machine = this.#machine as MachineFacts
        const registration = { ...config, architecture: machine.architecture }
        this.#registered = await register(client, registration, await this.#planStatus(undefined))
        return
      } catch (error) {
        if (isStatus(error, "Forbidden", "Invalid")) log.error("the API server refuses this node", { error })
        else log.info("cannot register the node yet, will try again", { error: errorMessage(error) })
        await sleep(clock, backoff.next(""), this.#stop.signal)
      }
    }
  }

  async #loop(): Promise<void> {
    const { clock, log } = this.#deps
    while (!this.#stop.signal.aborted) {
      this.#wake = Promise.withResolvers()
      try {
        await this.#sync()
      } catch (error) {
        log.warn("cannot bring the Node's status up to date, will try again", { error: errorMessage(error) })
      }
      const timer = clock.setTimeout(() => this.#wake.resolve(), this.#pauseMs(), { unref: true })
      await this.#wake.promise
      timer.cancel()
    }
  }

  /** Quick while the node comes up, so that it is Ready as soon as it can be; then ever slower. */
  #pauseMs(): number {
    if (this.#noted.get("Ready") === "True") {
      this.#fastChecks = 0
      return checkMs
    }
    return this.#fastChecks++ < 300 ? notReadyCheckMs : slowNotReadyCheckMs
  }

  async #sync(): Promise<void> {
    const { client, clock, config } = this.#deps
    const node = this.current()
    if (!node) return
    await this.#configureNetwork(node)
    const status = await this.#planStatus(node)
    const changed = hasStatusChanged(node.status, status)
    if (!changed && clock.monotonic() - this.#lastSent < reportMs) {
      this.#note(status)
      return
    }
    const nodes = client.resource(refs.nodes)
    const patch = planStatusPatch(node.status, status, new Set(Object.keys(this.#allocatable)))
    this.#registered = await nodes.patch(config.nodeName, "merge", patch, { subresource: "status" })
    this.#lastSent = clock.monotonic()
    this.#note(status)
  }

  async #configureNetwork(node: corev1.Node): Promise<void> {
    const { config, log } = this.#deps
    const podCIDRs = podCIDRsOf(node)
    if (podCIDRs.length === 0) return
    if (await writeCni(config.cniDirectory, { ...config.cni, podCIDRs })) {
      log.info("wrote the pods' network configuration", { podCIDRs })
    }
  }

  async #planStatus(node: corev1.Node | undefined): Promise<corev1.NodeStatus> {
    const { clock, config, pressure } = this.#deps
    const runtime = await this.#runtimeHealth()
    const facts = {
      machine: this.#machine as MachineFacts,
      runtime,
      runtimeVersion: this.#version,
      images: runtime.kind === "reachable" ? await this.#images() : [],
      pressure: pressure(),
      hasPodCIDR: node !== undefined && podCIDRsOf(node).length > 0,
      shuttingDown: false,
    }
    return planNodeStatus(node?.status, facts, config, formatTime(clock.now()))
  }

  async #runtimeHealth(): Promise<RuntimeHealth> {
    const { runtime } = this.#deps.cri
    try {
      this.#version ??= await runtime.version({ timeoutMs: runtimeTimeoutMs })
      const { conditions } = await runtime.status({ timeoutMs: runtimeTimeoutMs })
      return { kind: "reachable", conditions }
    } catch (error) {
      // It may come back as another version.
      this.#version = undefined
      return { kind: "unreachable", message: errorMessage(error) }
    }
  }

  async #images(): Promise<readonly Image[]> {
    return this.#deps.cri.images.list({ timeoutMs: runtimeTimeoutMs }).catch(() => [])
  }

  /** Tells of conditions that have changed, by events and in the log. */
  #note(status: corev1.NodeStatus): void {
    const { config, log, event } = this.#deps
    const now = new Map((status.conditions ?? []).map(({ type, status: is }) => [type, is]))
    for (const [type, [whenTrue, whenFalse]] of Object.entries(conditionEvents)) {
      if (now.get(type) === this.#noted.get(type)) continue
      const name = now.get(type) === "True" ? whenTrue : whenFalse
      event("Normal", name, `Node ${config.nodeName} status is now: ${name}`)
    }
    const ready = now.get("Ready") === "True"
    if (now.get("Ready") !== this.#noted.get("Ready")) {
      const reason = status.conditions?.find(({ type }) => type === "Ready")?.message
      log.info(ready ? "the node is ready" : "the node is not ready", { reason })
    }
    this.#noted = now
    if (ready) this.#ready.resolve()
  }
}

/** The reasons of events when a condition becomes true and false. */
const conditionEvents: Readonly<Record<string, readonly [string, string]>> = {
  MemoryPressure: ["NodeHasInsufficientMemory", "NodeHasSufficientMemory"],
  DiskPressure: ["NodeHasDiskPressure", "NodeHasNoDiskPressure"],
  PIDPressure: ["NodeHasInsufficientPID", "NodeHasSufficientPID"],
  Ready: ["NodeReady", "NodeNotReady"],
}

function podCIDRsOf(node: corev1.Node): readonly string[] {
  if (node.spec?.podCIDRs?.length) return node.spec.podCIDRs
  return node.spec?.podCIDR ? [node.spec.podCIDR] : []
}

/** The later of two versions of one object. */
function newer(a: corev1.Node | undefined, b: corev1.Node | undefined): corev1.Node | undefined {
  if (!a || !b) return a ?? b
  return Number(a.metadata.resourceVersion ?? 0) >= Number(b.metadata.resourceVersion ?? 0) ? a : b
}
