import type { Entry } from "./entry.ts"

/** The place of one object. Its entry changes, it itself stays while the object is there. */
export interface Slot {
  readonly key: string
  entry: Entry
  /** Set by SlotBlocks. */
  block: Block
}

/** Neighbouring slots, and their objects' bytes while somebody lists them. */
interface Block {
  slots: Slot[]
  /** `,object,object`: made when first wanted, dropped with every change. */
  bytes: Buffer | undefined
  isUsed: boolean
}

/** A block is split when it has grown to this. */
const maxSlots = 96

/** A stretch of a listing. */
export interface Range {
  /** The first key that may be in it (inclusive). */
  from: string
  /** Keys have to start with this. */
  prefix: string
  limit: number | undefined
}

export interface EncodedRange {
  /** Encoded objects, each with a comma before it. */
  readonly chunks: readonly Buffer[]
  readonly count: number
  /** The last key in it, when more come behind. */
  readonly last: string | undefined
  /** How many more come behind it below the prefix. */
  readonly remaining: number
}

/**
 * The slots of a resource in the order of their keys, in blocks. The bytes of a block are kept for the next list:
 * a list of everything costs what has changed since the last one.
 */
export class SlotBlocks {
  #blocks: Block[] = []

  /** Takes slots that are in order. */
  fill(keysAndEntries: Iterable<readonly [string, Entry]>): Slot[] {
    this.#blocks = []
    const all: Slot[] = []
    let block: Block | undefined
    for (const [key, entry] of keysAndEntries) {
      if (!block || block.slots.length >= maxSlots / 2) {
        block = { slots: [], bytes: undefined, isUsed: false }
        this.#blocks.push(block)
      }
      const slot: Slot = { key, entry, block }
      block.slots.push(slot)
      all.push(slot)
    }
    return all
  }

  /** Adds an object whose key is not there yet. */
  add(key: string, entry: Entry): Slot {
    const index = this.#blockOf(key)
    let block = this.#blocks[index]
    if (!block) {
      block = { slots: [], bytes: undefined, isUsed: false }
      this.#blocks.push(block)
    }
    const slot: Slot = { key, entry, block }
    const last = block.slots.at(-1)
    if (!last || last.key < key) block.slots.push(slot)
    else block.slots.splice(lowerBound(block.slots, key), 0, slot)
    block.bytes = undefined
    if (block.slots.length > maxSlots) this.#split(index, block)
    return slot
  }

  replace(slot: Slot, entry: Entry): void {
    slot.entry = entry
    slot.block.bytes = undefined
  }

  remove(slot: Slot): void {
    const { block } = slot
    block.bytes = undefined
    block.slots.splice(lowerBound(block.slots, slot.key), 1)
    if (block.slots.length === 0) this.#blocks.splice(this.#blocks.indexOf(block), 1)
  }

  /** The slots whose keys are at or after `from` and start with `prefix`. */
  *scan(from: string, prefix: string): Generator<Slot> {
    for (let at = this.#blockOf(from); at < this.#blocks.length; at++) {
      const { slots } = this.#blocks[at]!
      const first = slots[0]!.key < from ? lowerBound(slots, from) : 0
      for (let index = first; index < slots.length; index++) {
        const slot = slots[index]!
        if (prefix && !slot.key.startsWith(prefix)) return
        yield slot
      }
    }
  }

  /** The bytes of a range. Whole blocks are shared, what is cut off at its ends is made anew. */
  encode({ from, prefix, limit }: Range): EncodedRange {
    const chunks: Buffer[] = []
    let count = 0
    let last: string | undefined
    let remaining = 0
    for (let at = this.#blockOf(from); at < this.#blocks.length; at++) {
      const block = this.#blocks[at]!
      const { slots } = block
      const first = slots[0]!.key < from ? lowerBound(slots, from) : 0
      const end = endOf(slots, first, prefix)
      const room = limit === undefined ? end - first : Math.min(end - first, limit - count)
      if (room > 0) {
        const isWhole = first === 0 && room === slots.length
        chunks.push(isWhole ? bytesOf(block) : encodeSlots(slots, first, first + room))
        count += room
        last = slots[first + room - 1]!.key
      }
      remaining += end - first - Math.max(room, 0)
      if (end < slots.length) break
    }
    return { chunks, count, last: remaining > 0 ? last : undefined, remaining }
  }

  /** Lets go of bytes that nobody asked for since the last call. */
  trim(): void {
    for (const block of this.#blocks) {
      if (!block.isUsed) block.bytes = undefined
      block.isUsed = false
    }
  }

  /** The index of the block that has, or would take, this key. */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#blocks[middle]!.slots[0]!.key <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  #split(index: number, block: Block): void {
    // Keys that are added in order leave full blocks behind.
    const at = index === this.#blocks.length - 1 ? maxSlots : maxSlots >>> 1
    const next: Block = { slots: block.slots.splice(at), bytes: undefined, isUsed: false }
    for (const slot of next.slots) slot.block = next
    this.#blocks.splice(index + 1, 0, next)
  }
}

function bytesOf(block: Block): Buffer {
  block.isUsed = true
  block.bytes ??= encodeSlots(block.slots, 0, block.slots.length)
  return block.bytes
}

/** `,object,object` of these slots. */
export function encodeSlots(slots: readonly Slot[], from: number, to: number): Buffer {
  let size = to - from
  for (let index = from; index < to; index++) size += slots[index]!.entry.wireLength
  const target = Buffer.allocUnsafe(size)
  let offset = 0
  for (let index = from; index < to; index++) {
    target[offset++] = 44
    offset = slots[index]!.entry.writeWire(target, offset)
  }
  return target
}

function endOf(slots: readonly Slot[], first: number, prefix: string): number {
  const last = slots.at(-1)
  if (!prefix || last?.key.startsWith(prefix)) return slots.length
  let index = first
  while (index < slots.length && slots[index]!.key.startsWith(prefix)) index++
  return index
}

/** The index of the first slot whose key is not less than `key`. */
function lowerBound(slots: readonly Slot[], key: string): number {
  let low = 0
  let high = slots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (slots[middle]!.key < key) low = middle + 1
    else high = middle
  }
  return low
}
