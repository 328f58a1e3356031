import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import type { QueuedPod } from "../queue/queued-pod.ts"
import type { CycleState } from "./cycle-state.ts"
import { EquivalenceClasses } from "./equivalence.ts"
import type { NodeRefusal, NodeView, Plugin, PostFilterResult } from "./plugin.ts"
import { isRefusal, type Refusal, skip, type Verdict } from "./verdict.ts"

/** A plugin's refusal of a pod as a whole. */
export interface PodRefusal extends Refusal {
  readonly plugin: string
}

export interface WeightedPlugin {
  readonly plugin: Plugin
  readonly weight: number
}

type With<K extends keyof Plugin> = Plugin & Required<Pick<Plugin, K>>

const having = <K extends keyof Plugin>(plugins: readonly Plugin[], point: K): With<K>[] =>
  plugins.filter((plugin): plugin is With<K> => plugin[point] !== undefined)

/** Where preemption is making room for pods: they count when others are fitted onto the node. */
export interface Nominations {
  on(nodeName: string): readonly PodInfo[]
}

/** Runs the plugins of a profile at their extension points, in their order. */
export class Framework {
  readonly plugins: readonly Plugin[]
  readonly #weights: ReadonlyMap<Plugin, number>
  readonly #preFilters
  /** The first filters that are local: their results are remembered. */
  readonly #localFilters
  /** Those behind them. */
  readonly #otherFilters
  readonly #postFilters
  readonly #preScores
  readonly #scores
  readonly #reserves
  readonly #permits
  readonly #preBinds
  readonly #binds
  readonly #postBinds
  readonly #compare: (a: QueuedPod, b: QueuedPod) => number
  // Refusals are shared values: they are given the plugin's name once.
  readonly #named = new WeakMap<Refusal, NodeRefusal>()
  readonly #classes = new EquivalenceClasses()
  /** For sums and scores of a cycle: memory beyond V8's heap is dear to get and to give back. */
  #scratch = new Float64Array(0)

  constructor(list: readonly WeightedPlugin[]) {
    const all = list.map(({ plugin }) => plugin)
    this.plugins = all
    this.#weights = new Map(list.map(({ plugin, weight }) => [plugin, weight]))
    this.#preFilters = having(all, "preFilter")
    const filters = having(all, "filter")
    const firstOther = filters.findIndex(({ isLocal }) => !isLocal)
    this.#localFilters = firstOther < 0 ? filters : filters.slice(0, firstOther)
    this.#otherFilters = filters.slice(this.#localFilters.length)
    this.#postFilters = having(all, "postFilter")
    this.#preScores = having(all, "preScore")
    this.#scores = having(all, "score")
    this.#reserves = having(all, "reserve")
    this.#permits = having(all, "permit")
    this.#preBinds = having(all, "preBind")
    this.#binds = having(all, "bind")
    this.#postBinds = having(all, "postBind")
    const sorters = having(all, "compare")
    if (sorters.length !== 1) throw new Error(`one QueueSort plugin is wanted, not ${sorters.length}`)
    if (this.#binds.length === 0) throw new Error("a Bind plugin is wanted")
    this.#compare = (sorters[0] as With<"compare">).compare
  }

  compare(a: QueuedPod, b: QueuedPod): number {
    return this.#compare(a, b)
  }

  /** Refuses the pod as a whole, or says which nodes alone can fit. */
  preFilter(
    state: CycleState,
    pod: PodInfo,
    nodes: NodeView,
  ): { refusal?: PodRefusal; nodeNames?: ReadonlySet<string>; narrowedBy: ReadonlySet<string> } {
    state.local = this.#classes.of(pod, nodes.list.length)
    let nodeNames: ReadonlySet<string> | undefined
    const narrowedBy = new Set<string>()
    for (const plugin of this.#preFilters) {
      const result = plugin.preFilter(state, pod, nodes)
      const { verdict } = result
      if (verdict.code === "skip") state.skippedFilters.add(plugin.name)
      else if (isRefusal(verdict)) return { refusal: { ...verdict, plugin: plugin.name }, narrowedBy }
      if (!result.nodeNames) continue
      narrowedBy.add(plugin.name)
      const known = nodeNames
      const narrowed = known ? [...result.nodeNames].filter((name) => known.has(name)) : result.nodeNames
      nodeNames = new Set(narrowed)
      if (nodeNames.size > 0) continue
      const names = [...narrowedBy].join(", ")
      const reasons = [`node(s) didn't satisfy plugin(s) [${names}] simultaneously`]
      return { refusal: { code: "unresolvable", reasons, plugin: plugin.name }, narrowedBy }
    }
    return nodeNames ? { nodeNames, narrowedBy } : { narrowedBy }
  }

  /** The first refusal, or undefined when the node fits. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): NodeRefusal | undefined {
    return this.#filterLocally(state, pod, node) ?? this.#runFilters(this.#otherFilters, state, pod, node)
  }

  #filterLocally(state: CycleState, pod: PodInfo, node: NodeInfo): NodeRefusal | undefined {
    const { local } = state
    // Copies of nodes are for trying things out: nothing is known of them.
    if (!local || node.slot < 0) return this.#runFilters(this.#localFilters, state, pod, node)
    if (local.hasRefusal(node)) return local.refusal(node)
    const refusal = this.#runFilters(this.#localFilters, state, pod, node)
    local.setRefusal(node, refusal)
    return refusal
  }

  #runFilters(
    plugins: readonly With<"filter">[],
    state: CycleState,
    pod: PodInfo,
    node: NodeInfo,
  ): NodeRefusal | undefined {
    for (const plugin of plugins) {
      if (state.skippedFilters.size > 0 && state.skippedFilters.has(plugin.name)) continue
      const verdict = plugin.filter(state, pod, node)
      if (verdict.code !== "ok" && isRefusal(verdict)) return this.#withName(verdict, plugin.name)
    }
    return undefined
  }

  /**
   * As `filter`, with the pods counted that are nominated to the node and are at least as important. The node must
   * also fit without them: they are not there yet, and may never be.
   */
  filterWithNominated(
    state: CycleState,
    pod: PodInfo,
    node: NodeInfo,
    nominations: Nominations,
  ): NodeRefusal | undefined {
    const nominated = nominations.on(node.name)
    if (nominated.length > 0) {
      const more = nominated.filter((other) => other.priority >= pod.priority && other.uid !== pod.uid)
      if (more.length > 0) {
        const trialState = state.clone()
        const trialNode = node.clone()
        for (const other of more) {
          trialNode.addPod(other)
          this.addPod(trialState, pod, other, trialNode)
        }
        const refusal = this.filter(trialState, pod, trialNode)
        if (refusal) return refusal
      }
    }
    return this.filter(state, pod, node)
  }

  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    for (const plugin of this.#preFilters) {
      if (!state.skippedFilters.has(plugin.name)) plugin.addPod?.(state, pod, added, node)
    }
  }

  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    for (const plugin of this.#preFilters) {
      if (!state.skippedFilters.has(plugin.name)) plugin.removePod?.(state, pod, removed, node)
    }
  }

  /** The first plugin that can make room; otherwise the last that said why it cannot. */
  postFilter(
    state: CycleState,
    pod: PodInfo,
    refusals: ReadonlyMap<string, NodeRefusal>,
  ): (PostFilterResult & { plugin: string }) | undefined {
    let last: (PostFilterResult & { plugin: string }) | undefined
    for (const plugin of this.#postFilters) {
      last = { ...plugin.postFilter(state, pod, refusals), plugin: plugin.name }
      if (last.verdict.code === "ok") return last
    }
    return last
  }

  /** The weighted sum of all scores, one for each node. Good until the next call. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): Float64Array {
    for (const plugin of this.#preScores) {
      if (plugin.preScore(state, pod, nodes).code === "skip") state.skippedScores.add(plugin.name)
    }
    if (nodes.length > this.#scratch.length / 2) this.#scratch = new Float64Array(4 * nodes.length)
    const totals = this.#scratch.subarray(0, nodes.length).fill(0)
    const scores = this.#scratch.subarray(nodes.length, 2 * nodes.length)
    for (const [number, plugin] of this.#scores.entries()) {
      if (state.skippedScores.has(plugin.name)) continue
      if (plugin.isLocal && state.local) {
        state.local.scores(number, nodes, (node) => plugin.score(state, pod, node), scores)
      } else {
        for (let index = 0; index < nodes.length; index++) {
          scores[index] = plugin.score(state, pod, nodes[index] as NodeInfo)
        }
      }
      plugin.normalize?.(state, pod, scores, nodes)
      const weight = this.#weights.get(plugin) ?? 1
      for (let index = 0; index < nodes.length; index++) {
        totals[index] = (totals[index] as number) + (scores[index] as number) * weight
      }
    }
    return totals
  }

  /** Undoes what it did when one plugin refuses. */
  reserve(state: CycleState, pod: PodInfo, node: string): PodRefusal | undefined {
    for (const plugin of this.#reserves) {
      const verdict = plugin.reserve(state, pod, node)
      if (!isRefusal(verdict)) continue
      this.unreserve(state, pod, node)
      return { ...verdict, plugin: plugin.name }
    }
    return undefined
  }

  unreserve(state: CycleState, pod: PodInfo, node: string): void {
    for (const plugin of this.#reserves.toReversed()) plugin.unreserve?.(state, pod, node)
  }

  /** A refusal, or by plugin how long the pod has to wait to be allowed. */
  permit(state: CycleState, pod: PodInfo, node: string): { refusal?: PodRefusal; waits: Map<string, number> } {
    const waits = new Map<string, number>()
    for (const plugin of this.#permits) {
      const verdict = plugin.permit(state, pod, node)
      if (isRefusal(verdict)) return { refusal: { ...verdict, plugin: plugin.name }, waits }
      if (verdict.code === "wait") waits.set(plugin.name, verdict.timeoutMs)
    }
    return { waits }
  }

  get hasPreBind(): boolean {
    return this.#preBinds.length > 0
  }

  async preBind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<PodRefusal | undefined> {
    for (const plugin of this.#preBinds) {
      const verdict = await plugin.preBind(state, pod, node, signal)
      if (isRefusal(verdict)) return { ...verdict, plugin: plugin.name }
    }
    return undefined
  }

  /** The first plugin that does not skip binds. */
  async bind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<Verdict> {
    for (const plugin of this.#binds) {
      const verdict = await plugin.bind(state, pod, node, signal)
      if (verdict.code !== "skip") return verdict
    }
    return skip
  }

  postBind(state: CycleState, pod: PodInfo, node: string): void {
    for (const plugin of this.#postBinds) plugin.postBind(state, pod, node)
  }

  #withName(refusal: Refusal, plugin: string): NodeRefusal {
    let named = this.#named.get(refusal)
    if (named?.plugin !== plugin) {
      named = { ...refusal, plugin }
      this.#named.set(refusal, named)
    }
    return named
  }
}
