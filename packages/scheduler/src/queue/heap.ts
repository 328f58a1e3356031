/** A binary heap of items with keys: the least comes first; any can be taken out by its key. */
export class KeyedHeap<T> {
  readonly #items: T[] = []
  readonly #positions = new Map<string, number>()
  readonly #keyOf: (item: T) => string
  readonly #compare: (a: T, b: T) => number

  constructor(keyOf: (item: T) => string, compare: (a: T, b: T) => number) {
    this.#keyOf = keyOf
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  get(key: string): T | undefined {
    const position = this.#positions.get(key)
    return position === undefined ? undefined : this.#items[position]
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  values(): readonly T[] {
    return this.#items
  }

  /** An item with the same key is replaced. */
  push(item: T): void {
    const known = this.#positions.get(this.#keyOf(item))
    if (known !== undefined) {
      this.#set(known, item)
      this.#settle(known)
      return
    }
    this.#items.push(item)
    this.#set(this.#items.length - 1, item)
    this.#up(this.#items.length - 1)
  }

  pop(): T | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.delete(this.#keyOf(first))
    return first
  }

  delete(key: string): T | undefined {
    const position = this.#positions.get(key)
    if (position === undefined) return undefined
    const removed = this.#items[position] as T
    this.#positions.delete(key)
    const last = this.#items.pop() as T
    if (position < this.#items.length) {
      this.#set(position, last)
      this.#settle(position)
    }
    return removed
  }

  #set(position: number, item: T): void {
    this.#items[position] = item
    this.#positions.set(this.#keyOf(item), position)
  }

  #settle(position: number): void {
    this.#down(this.#up(position))
  }

  #up(from: number): number {
    let position = from
    while (position > 0) {
      const parent = (position - 1) >> 1
      if (!this.#isLess(position, parent)) break
      this.#swap(position, parent)
      position = parent
    }
    return position
  }

  #down(from: number): void {
    let position = from
    for (;;) {
      let least = position
      for (const child of [2 * position + 1, 2 * position + 2]) {
        if (child < this.#items.length && this.#isLess(child, least)) least = child
      }
      if (least === position) return
      this.#swap(position, least)
      position = least
    }
  }

  #isLess(a: number, b: number): boolean {
    return this.#compare(this.#items[a] as T, this.#items[b] as T) < 0
  }

  #swap(a: number, b: number): void {
    const left = this.#items[a] as T
    this.#set(a, this.#items[b] as T)
    this.#set(b, left)
  }
}
