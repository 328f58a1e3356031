import type { Random } from "@ladya/util"

export interface PoolOptions {
  /** Numbers 0 … size-1 can be taken. */
  size: number
  /** The first so many are given only to those who ask for one, as long as others are free. */
  reservedForStatic: number
  random: Random
}

/** Numbers with owners. A number with several takers (found so in the store) is free when all have let go. */
export class AddressPool {
  readonly #options: PoolOptions
  readonly #owners = new Map<number, Set<string>>()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#owners.size
  }

  /** Whether nobody but `owner` has it. */
  isFree(number: number, owner?: string): boolean {
    const owners = this.#owners.get(number)
    return !owners || (owner !== undefined && owners.size === 1 && owners.has(owner))
  }

  hold(number: number, owner: string): void {
    const owners = this.#owners.get(number)
    if (owners) owners.add(owner)
    else this.#owners.set(number, new Set([owner]))
  }

  release(number: number, owner: string): void {
    const owners = this.#owners.get(number)
    if (!owners?.delete(owner) || owners.size > 0) return
    this.#owners.delete(number)
  }

  /** Any free number, now held by `owner`; undefined when there is none. */
  take(owner: string): number | undefined {
    const { size, reservedForStatic } = this.#options
    const found = this.#search(reservedForStatic, size) ?? this.#search(0, reservedForStatic)
    if (found !== undefined) this.hold(found, owner)
    return found
  }

  #search(from: number, to: number): number | undefined {
    const span = to - from
    if (span <= 0) return undefined
    const start = Math.floor(this.#options.random() * span)
    for (let step = 0; step < span; step++) {
      const number = from + ((start + step) % span)
      if (!this.#owners.has(number)) return number
    }
    return undefined
  }
}
