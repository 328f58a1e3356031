import { itemHeadLength, writeItemHead } from "@ladya/apimachinery"
import type { Entry } from "./entry.ts"

/** The place of one object. Its entry changes, it itself stays while the object is there. */
export interface Slot {
  readonly key: string
  entry: Entry
  /** Set by SlotBlocks. */
  block: Block
}

/** The forms in which lists are sent as bytes. */
export type ListForm = "json" | "protobuf"

interface Encoded {
  readonly bytes: Buffer
  isUsed: boolean
}

/** Neighbouring slots, and their objects' bytes while somebody lists them: made when first wanted, dropped with every change. */
interface Block {
  slots: Slot[]
  json: Encoded | undefined
  protobuf: Encoded | undefined
  /** Whether entries may hold their messages. */
  hasMessages: boolean
}

const newBlock = (slots: Slot[] = []): Block => ({ slots, json: undefined, protobuf: undefined, hasMessages: false })

function changed(block: Block): void {
  block.json = undefined
  block.protobuf = undefined
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
  form: ListForm
}

export interface EncodedRange {
  /** Encoded objects: in JSON each with a comma before it, in protobuf each as an item of a list. */
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
        block = newBlock()
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
      block = newBlock()
      this.#blocks.push(block)
    }
    const slot: Slot = { key, entry, block }
    const last = block.slots.at(-1)
    if (!last || last.key < key) block.slots.push(slot)
    else block.slots.splice(lowerBound(block.slots, key), 0, slot)
    changed(block)
    if (block.slots.length > maxSlots) this.#split(index, block)
    return slot
  }

  replace(slot: Slot, entry: Entry): void {
    slot.entry = entry
    changed(slot.block)
  }

  remove(slot: Slot): void {
    const { block } = slot
    changed(block)
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
  encode({ from, prefix, limit, form }: Range): EncodedRange {
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
        chunks.push(isWhole ? bytesOf(block, form) : encodeSlots(slots, first, first + room, form))
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
      block.json = stillUsed(block.json)
      block.protobuf = stillUsed(block.protobuf)
      if (!block.hasMessages || block.protobuf) continue
      block.hasMessages = false
      for (const { entry } of block.slots) entry.dropMessage()
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
    const next = newBlock(block.slots.splice(at))
    next.hasMessages = block.hasMessages
    for (const slot of next.slots) slot.block = next
    this.#blocks.splice(index + 1, 0, next)
  }
}

function stillUsed(encoded: Encoded | undefined): Encoded | undefined {
  if (!encoded?.isUsed) return undefined
  encoded.isUsed = false
  return encoded
}

function bytesOf(block: Block, form: ListForm): Buffer {
  let encoded = block[form]
  if (!encoded) {
    encoded = { bytes: encodeSlots(block.slots, 0, block.slots.length, form), isUsed: true }
    block[form] = encoded
  }
  encoded.isUsed = true
  return encoded.bytes
}

/** The bytes of these slots, as EncodedRange tells. */
export function encodeSlots(slots: readonly Slot[], from: number, to: number, form: ListForm): Buffer {
  const entries: Entry[] = []
  for (let index = from; index < to; index++) {
    const slot = slots[index]!
    if (form === "protobuf") slot.block.hasMessages = true
    entries.push(slot.entry)
  }
  if (form === "protobuf") return itemsOf(entries.map((entry) => entry.keptMessage()))
  let size = entries.length
  for (const entry of entries) size += entry.wireLength
  const target = Buffer.allocUnsafe(size)
  let offset = 0
  for (const entry of entries) {
    target[offset++] = 44
    offset = entry.writeWire(target, offset)
  }
  return target
}

/** Messages as items of a list. */
export function itemsOf(messages: readonly Uint8Array[]): Buffer {
  let size = 0
  for (const { length } of messages) size += itemHeadLength(length) + length
  const target = Buffer.allocUnsafe(size)
  let offset = 0
  for (const message of messages) {
    offset = writeItemHead(target, offset, message.length)
    target.set(message, offset)
    offset += message.length
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
