import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import type { NodeRefusal } from "./plugin.ts"

/** At most so many classes of pods are remembered; those that did not come for longest go. */
const maxClasses = 64
/** And results of so many nodes, over all classes. */
const maxNodes = 1 << 20

/** Something about each node, good for as long as the node has not changed. */
class ByNode {
  #generations = new Float64Array(0)

  /** Whether something was noted of this very state of the node. */
  isKnown({ slot, generation }: NodeInfo): boolean {
    return this.#generations[slot] === generation
  }

  note({ slot, generation }: NodeInfo): void {
    if (slot >= this.#generations.length) this.#generations = grown(this.#generations, slot)
    this.#generations[slot] = generation
  }
}

/** What the local plugins said of one class of pods, node by node. */
export class LocalResults {
  readonly #refusalsKnown = new ByNode()
  readonly #refusals: (NodeRefusal | undefined)[] = []
  /** By the number of the plugin. */
  readonly #scores: { known: ByNode; values: Float64Array }[] = []

  /** Whether it is known if the local filters refuse the node. */
  hasRefusal(node: NodeInfo): boolean {
    return this.#refusalsKnown.isKnown(node)
  }

  refusal({ slot }: NodeInfo): NodeRefusal | undefined {
    return this.#refusals[slot]
  }

  setRefusal(node: NodeInfo, refusal: NodeRefusal | undefined): void {
    this.#refusals[node.slot] = refusal
    this.#refusalsKnown.note(node)
  }

  /** Writes the scores of a plugin that `plugin` stands for, before they are normalized. */
  scores(plugin: number, nodes: readonly NodeInfo[], score: (node: NodeInfo) => number, into: Float64Array): void {
    this.#scores[plugin] ??= { known: new ByNode(), values: new Float64Array(0) }
    const results = this.#scores[plugin]
    const { known } = results
    for (let index = 0; index < nodes.length; index++) {
      const node = nodes[index] as NodeInfo
      if (!known.isKnown(node)) {
        if (node.slot >= results.values.length) results.values = grown(results.values, node.slot)
        results.values[node.slot] = score(node)
        known.note(node)
      }
      into[index] = results.values[node.slot] as number
    }
  }
}

function grown(array: Float64Array, slot: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(64, Math.ceil((slot + 1) * 1.5)))
  next.set(array)
  return next
}

/** The results of each class of pods: a workload's pods are alike, and most nodes are as they were a moment ago. */
export class EquivalenceClasses {
  /** Undefined until the second pod of a class: those that are alike to no other (of DaemonSets, say) cost no memory. */
  readonly #classes = new Map<string, LocalResults | undefined>()

  /** Undefined for a pod that is alike to no other so far. */
  of(pod: PodInfo, nodeCount: number): LocalResults | undefined {
    const key = pod.equivalence
    if (key === undefined) return undefined
    const results = this.#classes.has(key) ? (this.#classes.get(key) ?? new LocalResults()) : undefined
    // The last in the map is the one that came last.
    this.#classes.delete(key)
    this.#classes.set(key, results)
    const most = Math.max(1, Math.min(maxClasses, Math.floor(maxNodes / Math.max(nodeCount, 1))))
    for (const oldest of this.#classes.keys()) {
      if (this.#classes.size <= most) break
      this.#classes.delete(oldest)
    }
    return results
  }
}
