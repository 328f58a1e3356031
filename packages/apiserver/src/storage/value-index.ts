import type { Entry } from "./entry.ts"
import type { Slot } from "./slot-blocks.ts"

/** The slots by the value of one label or field. Kept while it is used. */
export class ValueIndex {
  readonly #valueOf: (entry: Entry) => string | undefined
  readonly #byValue = new Map<string, Set<Slot>>()
  isUsed = true

  constructor(read: (entry: Entry) => string | undefined) {
    this.#valueOf = read
  }

  add(slot: Slot): void {
    this.#put(slot, this.#valueOf(slot.entry))
  }

  /** To be called when the slot has its new entry. */
  change(slot: Slot, previous: Entry): void {
    const before = this.#valueOf(previous)
    const after = this.#valueOf(slot.entry)
    if (before === after) return
    this.#take(slot, before)
    this.#put(slot, after)
  }

  remove(slot: Slot): void {
    this.#take(slot, this.#valueOf(slot.entry))
  }

  /** In the order of their keys. */
  lookup(values: readonly string[]): Slot[] {
    this.isUsed = true
    const found: Slot[] = []
    for (const value of values) found.push(...(this.#byValue.get(value) ?? []))
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #put(slot: Slot, value: string | undefined): void {
    if (value === undefined) return
    const slots = this.#byValue.get(value)
    if (slots) slots.add(slot)
    else this.#byValue.set(value, new Set([slot]))
  }

  #take(slot: Slot, value: string | undefined): void {
    if (value === undefined) return
    const slots = this.#byValue.get(value)
    if (slots?.delete(slot) && slots.size === 0) this.#byValue.delete(value)
  }
}
