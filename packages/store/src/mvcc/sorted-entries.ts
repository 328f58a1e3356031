/** What stands in the sorted structure: a key, and whether it exists at the newest revision. */
export interface SortedEntry {
  readonly key: string
  readonly isLive: boolean
}

interface Block<E> {
  entries: E[]
  /** How many of them exist at the newest revision. */
  live: number
}

/** A block is split when it grows past this: inserting then moves at most so many pointers. */
const maxBlock = 512
// Code units from 0xD800 on sort differently in UTF-16 than in UTF-8.
const wide = /[\ud800-\uffff]/

function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i)
    let y = b.charCodeAt(i)
    if (x === y) continue
    // Surrogates stand for code points above all others: move them above U+E000…U+FFFF.
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000
    }
    return x - y
  }
  return a.length - b.length
}

/**
 * Entries in the order of their keys' UTF-8 bytes, in blocks: finding costs two binary searches, inserting and
 * removing one short splice, and a range is walked block by block.
 */
export class SortedEntries<E extends SortedEntry> {
  #blocks: Block<E>[] = []
  /** Set once a key came whose UTF-16 order may differ from its byte order. */
  #hasWide = false

  /** The key must not be there yet. */
  insert(entry: E): void {
    if (!this.#hasWide && wide.test(entry.key)) this.#hasWide = true
    const index = Math.min(this.#blockOf(entry.key), this.#blocks.length - 1)
    const block = this.#blocks[index]
    if (!block) {
      this.#blocks.push({ entries: [entry], live: entry.isLive ? 1 : 0 })
      return
    }
    const { entries } = block
    // Keys mostly come in order or near it: an append needs no search.
    const at = this.#less(entries[entries.length - 1]!.key, entry.key)
      ? entries.length
      : this.#lowerBound(entries, entry.key)
    entries.splice(at, 0, entry)
    if (entry.isLive) block.live++
    if (entries.length > maxBlock) this.#split(index)
  }

  remove(entry: E): void {
    const index = this.#blockOf(entry.key)
    const block = this.#blocks[index]
    if (!block) return
    const at = this.#lowerBound(block.entries, entry.key)
    if (block.entries[at] !== entry) return
    block.entries.splice(at, 1)
    if (entry.isLive) block.live--
    if (block.entries.length === 0) this.#blocks.splice(index, 1)
  }

  /** To be called after an entry came to life or died. */
  changed(entry: E): void {
    const block = this.#blocks[this.#blockOf(entry.key)]
    if (block) block.live += entry.isLive ? 1 : -1
  }

  /**
   * Walks the entries that start with `prefix` and come after `after`, in order, until `visit` returns false.
   * Returns how many live entries stand behind the one at which it stopped.
   */
  walk(prefix: string, after: string | undefined, visit: (entry: E) => boolean): number {
    const from = after !== undefined && !this.#less(after, prefix) ? after : prefix
    const exclusive = from === after
    let index = this.#blockOf(from)
    const first = this.#blocks[index]
    if (!first) return 0
    let at = this.#lowerBound(first.entries, from)
    if (exclusive && first.entries[at]?.key === from) at++
    for (; index < this.#blocks.length; index++, at = 0) {
      const { entries } = this.#blocks[index]!
      const end = this.#prefixEnd(entries, prefix)
      for (; at < end; at++) {
        if (!visit(entries[at]!)) return this.#countLive(index, at + 1, prefix)
      }
      if (end < entries.length) break
    }
    return 0
  }

  #countLive(index: number, from: number, prefix: string): number {
    let count = 0
    for (let at = from; index < this.#blocks.length; index++, at = 0) {
      const block = this.#blocks[index]!
      const end = this.#prefixEnd(block.entries, prefix)
      if (at === 0 && end === block.entries.length) count += block.live
      else for (; at < end; at++) if (block.entries[at]!.isLive) count++
      if (end < block.entries.length) break
    }
    return count
  }

  #split(index: number): void {
    const block = this.#blocks[index]!
    // The last block is mostly appended to: leave it nearly full, so that ordered inserts do not waste half.
    const isLast = index === this.#blocks.length - 1
    const tail = block.entries.splice(isLast ? maxBlock - 32 : maxBlock >> 1)
    const live = tail.reduce((sum, entry) => sum + (entry.isLive ? 1 : 0), 0)
    block.live -= live
    this.#blocks.splice(index + 1, 0, { entries: tail, live })
  }

  #less(a: string, b: string): boolean {
    return this.#hasWide ? compareUtf8(a, b) < 0 : a < b
  }

  /** The first block whose last key is not before `key`; the number of blocks when there is none. */
  #blockOf(key: string): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const { entries } = this.#blocks[middle]!
      if (this.#less(entries[entries.length - 1]!.key, key)) low = middle + 1
      else high = middle
    }
    return low
  }

  #lowerBound(entries: readonly E[], key: string): number {
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#less(entries[middle]!.key, key)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first index whose key is behind all keys that start with `prefix`. */
  #prefixEnd(entries: readonly E[], prefix: string): number {
    const last = entries[entries.length - 1]!.key
    if (last.startsWith(prefix) || this.#less(last, prefix)) return entries.length
    let low = 0
    let high = entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const { key } = entries[middle]!
      if (key.startsWith(prefix) || this.#less(key, prefix)) low = middle + 1
      else high = middle
    }
    return low
  }
}
