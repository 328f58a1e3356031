import type { Random } from "@ladya/util"
import type { NodeInfo } from "./cache/node-info.ts"
import type { PodInfo } from "./cache/pod-info.ts"
import type { SchedulerConfig } from "./config.ts"
import type { Extender } from "./extenders/extender.ts"
import type { FitError } from "./fit-error.ts"
import { CycleState } from "./framework/cycle-state.ts"
import type { Framework, Nominations } from "./framework/framework.ts"
import type { NodeRefusal, NodeView } from "./framework/plugin.ts"

export interface Choice {
  readonly kind: "chosen"
  readonly state: CycleState
  readonly node: NodeInfo
  readonly looked: number
  readonly feasible: number
}

export type Outcome = Choice | (FitError & { readonly state: CycleState }) | { readonly kind: "noNodes" }

/** Nodes that do not fit, and why, at the same index. */
interface Refused {
  readonly nodes: NodeInfo[]
  readonly refusals: NodeRefusal[]
}

const newRefused = (): Refused => ({ nodes: [], refusals: [] })

/** Nodes that fit, before one of them is picked. */
interface Search {
  readonly state: CycleState
  readonly feasible: readonly NodeInfo[]
  readonly looked: number
  readonly refusals: Map<string, NodeRefusal>
}

/** Below so many nodes all are looked at. */
const minNodesToFind = 100
const minPercentage = 5

/** How many nodes that fit are enough: in a large cluster the best of some is as good as the best of all. */
export function nodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < minNodesToFind) return nodeCount
  const adaptive = percentage > 0 ? percentage : Math.max(50 - Math.floor(nodeCount / 125), minPercentage)
  if (adaptive >= 100) return nodeCount
  return Math.max(Math.floor((nodeCount * adaptive) / 100), minNodesToFind)
}

/** Finds the node for a pod: filters, scores, and picks. Synchronous, so that the cluster does not change meanwhile. */
export class SchedulingCycle {
  readonly #framework: Framework
  readonly #nodes: NodeView
  readonly #nominations: Nominations
  readonly #config: SchedulerConfig
  readonly #random: Random
  /** Where the next search begins: each begins where the last ended, so that all nodes get their turn. */
  #start = 0

  constructor(deps: {
    framework: Framework
    nodes: NodeView
    nominations: Nominations
    config: SchedulerConfig
    random: Random
  }) {
    this.#framework = deps.framework
    this.#nodes = deps.nodes
    this.#nominations = deps.nominations
    this.#config = deps.config
    this.#random = deps.random
  }

  run(pod: PodInfo): Outcome {
    const search = this.#search(pod)
    if ("outcome" in search) return search.outcome
    const { state, feasible, looked } = search
    const node =
      feasible.length === 1
        ? (feasible[0] as NodeInfo)
        : this.#pick(this.#framework.score(state, pod, feasible), feasible)
    return { kind: "chosen", state, node, looked, feasible: feasible.length }
  }

  /** As `run`, with programs that are asked meanwhile: what they leave is looked at once more before it is taken. */
  async runExtended(pod: PodInfo, extenders: readonly Extender[], signal: AbortSignal): Promise<Outcome> {
    const search = this.#search(pod)
    if ("outcome" in search) return search.outcome
    const { state, refusals, looked } = search
    let nodes: readonly NodeInfo[] = search.feasible
    for (const extender of extenders) nodes = await extender.filter(pod, nodes, refusals, signal)
    nodes = nodes.filter((node) => {
      const refusal = this.#framework.filterWithNominated(state, pod, node, this.#nominations)
      if (refusal) refusals.set(node.name, refusal)
      return !refusal
    })
    if (nodes.length === 0) {
      return this.#failed(state, refusals, [], new Set([...refusals.values()].map(({ plugin }) => plugin)))
    }
    const totals = nodes.length > 1 ? Float64Array.from(this.#framework.score(state, pod, nodes)) : new Float64Array(1)
    if (nodes.length > 1) {
      await Promise.all(extenders.map((extender) => extender.prioritize(pod, nodes, totals, signal)))
    }
    return { kind: "chosen", state, node: this.#pick(totals, nodes), looked, feasible: nodes.length }
  }

  #search(pod: PodInfo): Search | { outcome: Outcome } {
    const all = this.#nodes.list
    if (all.length === 0) return { outcome: { kind: "noNodes" } }
    const state = new CycleState()
    const refused = newRefused()
    const { refusal, nodeNames, narrowedBy } = this.#framework.preFilter(state, pod, this.#nodes)
    if (refusal) return { outcome: this.#failed(state, new Map(), refusal.reasons, new Set([refusal.plugin])) }
    const nominated = this.#tryNominated(state, pod)
    if (nominated) return { state, feasible: [nominated], looked: 1, refusals: new Map() }
    const feasible = this.#find(state, pod, nodeNames, refused)
    const looked = feasible.length + refused.nodes.length
    if (feasible.length > 0) return { state, feasible, looked, refusals: new Map() }
    const refusals = new Map(refused.nodes.map(({ name }, index) => [name, refused.refusals[index] as NodeRefusal]))
    const plugins = new Set(narrowedBy)
    for (const { plugin } of refusals.values()) plugins.add(plugin)
    if (nodeNames) this.#refuseOthers(nodeNames, narrowedBy, refusals)
    return { outcome: this.#failed(state, refusals, [], plugins) }
  }

  // A pod for which room was made goes where that was, when it fits now.
  #tryNominated(state: CycleState, pod: PodInfo): NodeInfo | undefined {
    const name = pod.pod.status?.nominatedNodeName
    const node = name ? this.#nodes.get(name) : undefined
    if (!node || this.#framework.filterWithNominated(state, pod, node, this.#nominations)) return undefined
    return node
  }

  #find(state: CycleState, pod: PodInfo, nodeNames: ReadonlySet<string> | undefined, refused: Refused): NodeInfo[] {
    const nodes = nodeNames ? [...nodeNames].flatMap((name) => this.#nodes.get(name) ?? []) : this.#nodes.list
    const wanted = nodesToFind(nodes.length, this.#config.percentageOfNodesToScore)
    const feasible: NodeInfo[] = []
    const start = nodeNames ? 0 : this.#start % nodes.length
    let looked = 0
    while (looked < nodes.length && feasible.length < wanted) {
      const at = start + looked
      const node = nodes[at < nodes.length ? at : at - nodes.length] as NodeInfo
      looked++
      const refusal = this.#framework.filterWithNominated(state, pod, node, this.#nominations)
      if (refusal) {
        refused.nodes.push(node)
        refused.refusals.push(refusal)
      } else feasible.push(node)
    }
    if (!nodeNames) this.#start = (start + looked) % nodes.length
    return feasible
  }

  #refuseOthers(
    nodeNames: ReadonlySet<string>,
    narrowedBy: ReadonlySet<string>,
    refusals: Map<string, NodeRefusal>,
  ): void {
    const plugin = [...narrowedBy][0] ?? ""
    const reasons = [`node(s) didn't satisfy plugin(s) [${[...narrowedBy].join(" ")}]`]
    for (const node of this.#nodes.list) {
      if (!nodeNames.has(node.name)) refusals.set(node.name, { code: "unresolvable", reasons, plugin })
    }
  }

  #pick(totals: ArrayLike<number>, nodes: readonly NodeInfo[]): NodeInfo {
    let best = 0
    let ties = 1
    for (let index = 1; index < nodes.length; index++) {
      const total = totals[index] as number
      if (total > (totals[best] as number)) {
        best = index
        ties = 1
      } else if (total === totals[best]) {
        ties++
        // Each of the equals is taken with the same chance.
        if (this.#random() < 1 / ties) best = index
      }
    }
    return nodes[best] as NodeInfo
  }

  #failed(
    state: CycleState,
    refusals: ReadonlyMap<string, NodeRefusal>,
    podReasons: readonly string[],
    plugins: Set<string>,
  ): FitError & { state: CycleState } {
    return {
      kind: "fit",
      state,
      nodeCount: this.#nodes.list.length,
      podReasons,
      refusals,
      postFilterMessage: "",
      plugins,
    }
  }
}
