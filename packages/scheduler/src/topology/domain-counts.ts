/** Numbers by topology domain, kept up to date change by change. */
export class DomainCounts {
  readonly #byValue = new Map<string, { count: number; nodes: number }>()
  /** How many domains have a count. */
  readonly #histogram = new Map<number, number>()
  #total = 0
  #min = 0

  /** The sum over all domains. */
  get total(): number {
    return this.#total
  }

  /** How many domains there are: with a node, whether it has anything to count or not. */
  get size(): number {
    return this.#byValue.size
  }

  get(value: string): number {
    return this.#byValue.get(value)?.count ?? 0
  }

  has(value: string): boolean {
    return this.#byValue.has(value)
  }

  /** The least count of any domain; 0 when there is none. */
  get min(): number {
    return this.#byValue.size === 0 ? 0 : this.#min
  }

  *entries(): Generator<readonly [value: string, count: number]> {
    for (const [value, { count }] of this.#byValue) yield [value, count]
  }

  /** A node comes into the domain. */
  addNode(value: string): void {
    const domain = this.#byValue.get(value)
    if (domain) {
      domain.nodes++
      return
    }
    this.#byValue.set(value, { count: 0, nodes: 1 })
    this.#move(undefined, 0)
  }

  /** A node leaves the domain; what was counted on it has been taken away before. */
  removeNode(value: string): void {
    const domain = this.#byValue.get(value)
    if (!domain || --domain.nodes > 0) return
    this.#byValue.delete(value)
    this.#total -= domain.count
    this.#move(domain.count, undefined)
  }

  /** Counts on a node of the domain, which must be there. */
  add(value: string, amount: number): void {
    const domain = this.#byValue.get(value)
    if (!domain || amount === 0) return
    const before = domain.count
    domain.count += amount
    this.#total += amount
    this.#move(before, domain.count)
  }

  #move(from: number | undefined, to: number | undefined): void {
    const histogram = this.#histogram
    if (to !== undefined) {
      histogram.set(to, (histogram.get(to) ?? 0) + 1)
      if (to < this.#min || this.#byValue.size === 1) this.#min = to
    }
    if (from === undefined) return
    const left = (histogram.get(from) ?? 0) - 1
    if (left > 0) {
      histogram.set(from, left)
      return
    }
    histogram.delete(from)
    if (from === this.#min && histogram.size > 0) {
      // Counts move by one: the next least is the one just entered, or near it.
      if (to === from + 1) this.#min = to
      else this.#min = Math.min(...histogram.keys())
    }
  }
}

/** Counts with changes that are only thought of: a pod tried out on a node, or taken away from it. */
export class TrialCounts {
  readonly #base: DomainCounts
  #changes: Map<string, number> | undefined

  constructor(base: DomainCounts, changes?: ReadonlyMap<string, number>) {
    this.#base = base
    this.#changes = changes && new Map(changes)
  }

  get(value: string): number {
    return this.#base.get(value) + (this.#changes?.get(value) ?? 0)
  }

  get total(): number {
    let total = this.#base.total
    for (const change of this.#changes?.values() ?? []) total += change
    return total
  }

  /** How many domains there are. */
  get size(): number {
    let size = this.#base.size
    for (const value of this.#changes?.keys() ?? []) if (!this.#base.has(value)) size++
    return size
  }

  get min(): number {
    if (!this.#changes) return this.#base.min
    let min = Number.POSITIVE_INFINITY
    for (const [value, count] of this.#base.entries()) min = Math.min(min, count + (this.#changes.get(value) ?? 0))
    for (const [value, change] of this.#changes) if (!this.#base.has(value)) min = Math.min(min, change)
    return min === Number.POSITIVE_INFINITY ? 0 : min
  }

  add(value: string, amount: number): void {
    this.#changes ??= new Map()
    this.#changes.set(value, (this.#changes.get(value) ?? 0) + amount)
  }

  clone(): TrialCounts {
    return new TrialCounts(this.#base, this.#changes)
  }
}
