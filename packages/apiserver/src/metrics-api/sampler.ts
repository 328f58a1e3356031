import type { corev1 } from "@ladya/api"
import { type Clock, errorMessage, type Logger, mapLimit, sleep, type Timer } from "@ladya/util"
import { kubeletAddress, type NodeDialer } from "../streaming/dialer.ts"
import { readJson } from "../streaming/read-answer.ts"
import { addSample, type Sample, type Series } from "./usage.ts"

/** Between two looks at all nodes, as metrics-server has it. */
const everyMs = 15_000
/** The first two looks are so far apart: an answer is waited for. */
const firstWindowMs = 1_500
/** Without a question for so long, nodes are left alone. */
const idleAfterMs = 120_000
const answerWithinMs = 10_000
const parallel = 16

/** What is read of a kubelet's summary. */
interface Stats {
  cpu?: { time?: string; usageCoreNanoSeconds?: number }
  memory?: { time?: string; workingSetBytes?: number }
}
interface Summary {
  node?: Stats
  pods?: { podRef?: { namespace?: string; name?: string; uid?: string }; containers?: (Stats & { name?: string })[] }[]
}

export interface PodUsage {
  uid: string
  containers: ReadonlyMap<string, Series>
}

interface NodeUsage {
  node: Series | undefined
  /** By namespace/name. */
  pods: ReadonlyMap<string, PodUsage>
}

export interface SamplerDeps {
  nodes(): Promise<readonly corev1.Node[]>
  dialer: NodeDialer
  clock: Clock
  log: Logger
}

/** Knows what nodes and containers use. It asks the kubelets as long as somebody asks it. */
export class UsageSampler {
  readonly #deps: SamplerDeps
  readonly #usage = new Map<string, NodeUsage>()
  readonly #stopping = new AbortController()
  #looks = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  #timer: Timer | undefined

  constructor(deps: SamplerDeps) {
    this.#deps = deps
  }

  stop(): void {
    this.#stopping.abort()
    this.#timer?.cancel()
  }

  /** Resolves when there is something to tell that is not old. */
  async fresh(): Promise<void> {
    const now = this.#deps.clock.monotonic()
    this.#askedAt = now
    if (now - this.#lookedAt > 2 * everyMs) {
      // The last look was long ago: what was used since says nothing of now.
      await this.#look()
      await sleep(this.#deps.clock, firstWindowMs, this.#stopping.signal)
      await this.#look()
    } else if (this.#looks < 2) await this.#looking
    this.#schedule()
  }

  node(name: string): Series | undefined {
    return this.#usage.get(name)?.node
  }

  pod(nodeName: string, namespace: string, name: string): PodUsage | undefined {
    return this.#usage.get(nodeName)?.pods.get(`${namespace}/${name}`)
  }

  #schedule(): void {
    if (this.#timer || this.#stopping.signal.aborted) return
    const { clock } = this.#deps
    const run = (): void => {
      this.#timer = undefined
      if (clock.monotonic() - this.#askedAt > idleAfterMs) return
      void this.#look().finally(() => this.#schedule())
    }
    this.#timer = clock.setTimeout(run, everyMs, { unref: true })
  }

  /** Looks once at all nodes; several who want it share one look. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #lookAtAll(): Promise<void> {
    const { clock, nodes } = this.#deps
    const all = await nodes()
    const names = new Set(all.map(({ metadata }) => metadata.name ?? ""))
    for (const name of this.#usage.keys()) if (!names.has(name)) this.#usage.delete(name)
    await mapLimit(all, parallel, (node) => this.#lookAt(node))
    this.#looks++
    this.#lookedAt = clock.monotonic()
  }

  async #lookAt(node: corev1.Node): Promise<void> {
    const { dialer, log } = this.#deps
    const name = node.metadata.name ?? ""
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(answerWithinMs), this.#stopping.signal])
      const options = { method: "GET", path: "/stats/summary", signal }
      const answer = await dialer.request(kubeletAddress(node), options)
      const summary = (await readJson(answer)) as Summary
      this.#usage.set(name, usageOf(summary, this.#usage.get(name)))
    } catch (error) {
      // What it used is not known any more.
      this.#usage.delete(name)
      log.debug("a node does not tell what it uses", { node: name, error: errorMessage(error) })
    }
  }
}

/** What a summary adds to what was known of a node. Pods that are not in it are forgotten. */
export function usageOf(summary: Summary, before: NodeUsage | undefined): NodeUsage {
  const pods = new Map<string, PodUsage>()
  for (const { podRef, containers = [] } of summary.pods ?? []) {
    const key = `${podRef?.namespace}/${podRef?.name}`
    const uid = podRef?.uid ?? ""
    const known = before?.pods.get(key)
    const series = new Map<string, Series>()
    for (const container of containers) {
      const sample = sampleOf(container)
      const name = container.name ?? ""
      const past = known?.uid === uid ? known.containers.get(name) : undefined
      if (sample) series.set(name, addSample(past, sample))
    }
    if (series.size > 0) pods.set(key, { uid, containers: series })
  }
  const sample = sampleOf(summary.node ?? {})
  return { node: sample ? addSample(before?.node, sample) : before?.node, pods }
}

function sampleOf({ cpu, memory }: Stats): Sample | undefined {
  const at = Date.parse(cpu?.time ?? "")
  const { usageCoreNanoSeconds: cpuNanos } = cpu ?? {}
  const { workingSetBytes: memoryBytes } = memory ?? {}
  if (Number.isNaN(at) || cpuNanos === undefined || memoryBytes === undefined) return undefined
  return { at, cpuNanos, memoryBytes }
}
