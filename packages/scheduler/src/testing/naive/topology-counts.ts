import type { NodeInfo } from "../../cache/node-info.ts"

/** Numbers by topology domain: by label key, then by value. What falls to zero is forgotten. */
export class TopologyCounts {
  readonly #byKey = new Map<string, Map<string, number>>()

  get isEmpty(): boolean {
    return this.#byKey.size === 0
  }

  get(key: string, value: string): number {
    return this.#byKey.get(key)?.get(value) ?? 0
  }

  /** Adds to the domain in which the node is; a node without the label is in none. */
  add(key: string, node: NodeInfo, amount: number): void {
    const value = node.labels?.[key]
    if (value === undefined) return
    let values = this.#byKey.get(key)
    if (!values) {
      values = new Map()
      this.#byKey.set(key, values)
    }
    const next = (values.get(value) ?? 0) + amount
    if (next !== 0) values.set(value, next)
    else {
      values.delete(value)
      if (values.size === 0) this.#byKey.delete(key)
    }
  }

  /** Whether any domain of the node has a count above zero. */
  anyOn(node: NodeInfo): boolean {
    for (const [key, values] of this.#byKey) {
      const value = node.labels?.[key]
      if (value !== undefined && (values.get(value) ?? 0) > 0) return true
    }
    return false
  }

  sumOn(node: NodeInfo): number {
    let sum = 0
    for (const [key, values] of this.#byKey) {
      const value = node.labels?.[key]
      if (value !== undefined) sum += values.get(value) ?? 0
    }
    return sum
  }

  clone(): TopologyCounts {
    const copy = new TopologyCounts()
    for (const [key, values] of this.#byKey) copy.#byKey.set(key, new Map(values))
    return copy
  }
}
