import type { Entry } from "./entry.ts"
import { encodeSlots, type ListForm, type Slot } from "./slot-blocks.ts"

/** The slots with one value. */
interface Bucket {
  readonly slots: Set<Slot>
  /** The encoded objects by form and namespace (empty: all): made when wanted, dropped with every change. */
  bytes: Map<string, Buffer> | undefined
  isUsed: boolean
}

/** The slots by the value of one label or field. Kept while it is used. */
export class ValueIndex {
  readonly #valueOf: (entry: Entry) => string | undefined
  readonly #byValue = new Map<string, Bucket>()
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
    if (before === after) {
      const bucket = after === undefined ? undefined : this.#byValue.get(after)
      if (bucket) bucket.bytes = undefined
      return
    }
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
    for (const value of values) for (const slot of this.#byValue.get(value)?.slots ?? []) found.push(slot)
    return found.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  /** The bytes of all slots with this value whose keys start with `prefix`, in the order of their keys; as EncodedRange tells. */
  encode(value: string, prefix: string, form: ListForm): Buffer | undefined {
    this.isUsed = true
    const bucket = this.#byValue.get(value)
    if (!bucket) return undefined
    bucket.isUsed = true
    bucket.bytes ??= new Map()
    const id = `${form} ${prefix}`
    let bytes = bucket.bytes.get(id)
    if (!bytes) {
      const slots = this.lookup([value]).filter(({ key }) => key.startsWith(prefix))
      bytes = encodeSlots(slots, 0, slots.length, form)
      bucket.bytes.set(id, bytes)
    }
    return bytes.length > 0 ? bytes : undefined
  }

  /** Lets go of bytes that nobody asked for since the last call. */
  trim(): void {
    for (const bucket of this.#byValue.values()) {
      if (!bucket.isUsed) bucket.bytes = undefined
      bucket.isUsed = false
    }
  }

  #put(slot: Slot, value: string | undefined): void {
    if (value === undefined) return
    const bucket = this.#byValue.get(value)
    if (bucket) {
      bucket.slots.add(slot)
      bucket.bytes = undefined
    } else this.#byValue.set(value, { slots: new Set([slot]), bytes: undefined, isUsed: false })
  }

  #take(slot: Slot, value: string | undefined): void {
    if (value === undefined) return
    const bucket = this.#byValue.get(value)
    if (!bucket?.slots.delete(slot)) return
    bucket.bytes = undefined
    if (bucket.slots.size === 0) this.#byValue.delete(value)
  }
}
