import type { LocalResults } from "./equivalence.ts"

/** Names a piece of state and gives it its type. Each plugin makes its own keys. */
export interface StateKey<T> {
  readonly name: string
  readonly __type?: T
}

export function stateKey<T>(name: string): StateKey<T> {
  return { name }
}

/** State that can be copied, so that a preemption can be tried out on it. */
export interface Cloneable {
  clone(): Cloneable
}

/** What plugins remember from one extension point to the next, for one pod and one cycle. */
export class CycleState {
  readonly #values = new Map<StateKey<unknown>, unknown>()
  /** Plugins whose PreFilter said that their Filter need not run. */
  readonly skippedFilters = new Set<string>()
  /** Plugins whose PreScore said that their Score need not run. */
  readonly skippedScores = new Set<string>()

  /** What is known of pods like this one. */
  local: LocalResults | undefined

  get<T>(key: StateKey<T>): T | undefined {
    return this.#values.get(key) as T | undefined
  }

  set<T>(key: StateKey<T>, value: T): void {
    this.#values.set(key, value)
  }

  /** A copy whose cloneable values are copies too; all others are shared. */
  clone(): CycleState {
    const copy = new CycleState()
    copy.local = this.local
    for (const [key, value] of this.#values) copy.set(key, isCloneable(value) ? value.clone() : value)
    for (const name of this.skippedFilters) copy.skippedFilters.add(name)
    for (const name of this.skippedScores) copy.skippedScores.add(name)
    return copy
  }
}

function isCloneable(value: unknown): value is Cloneable {
  return typeof (value as Partial<Cloneable> | undefined)?.clone === "function"
}
