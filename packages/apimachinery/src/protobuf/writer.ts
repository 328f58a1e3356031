const encoder = new TextEncoder()

/** Shorter texts are copied here, letter by letter: calling the engine's encoder costs more. */
const shortText = 48
/** A buffer that grew beyond this is not kept for the next message. */
const maxKept = 4 * 1024 * 1024

/**
 * Writes a protobuf message from its end to its beginning: so the length of what is nested is known when it is to be written, and
 * nothing is measured first. Every field is written value first, then its tag.
 */
export class ProtobufWriter {
  #bytes: Uint8Array
  /** Where the written bytes begin. */
  #at: number

  constructor(size = 16 * 1024) {
    this.#bytes = new Uint8Array(size)
    this.#at = size
  }

  /** How many bytes were written so far. */
  get size(): number {
    return this.#bytes.length - this.#at
  }

  /** Hands over what was written, copied into `make(length)`, and begins anew. */
  take<T extends Uint8Array>(make: (length: number) => T): T {
    const written = make(this.size)
    written.set(this.#bytes.subarray(this.#at))
    this.clear()
    return written
  }

  /** Forgets what was written. */
  clear(): void {
    if (this.#bytes.length > maxKept) this.#bytes = new Uint8Array(16 * 1024)
    this.#at = this.#bytes.length
  }

  #reserve(count: number): void {
    if (this.#at >= count) return
    const { size } = this
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, size + count))
    grown.set(this.#bytes.subarray(this.#at), grown.length - size)
    this.#bytes = grown
    this.#at = grown.length - size
  }

  /** A tag: `field * 8 + wire type`. */
  tag(tag: number): void {
    this.#reserve(5)
    if (tag < 128) this.#bytes[--this.#at] = tag
    else this.#low(tag)
  }

  // Room for five bytes is there.
  #low(value: number): void {
    if (value < 0x80) {
      this.#bytes[--this.#at] = value
      return
    }
    const length = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
    this.#at -= length
    let at = this.#at
    let rest = value
    while (rest > 127) {
      this.#bytes[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[at] = rest
  }

  /** A signed integer of 32 or 64 bits, as far as a number holds it. */
  integer(value: number): void {
    this.#reserve(10)
    if (value >= 0 && value <= 0xffffffff) {
      this.#low(value >>> 0)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)))
    const bytes: number[] = []
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    bytes.push(Number(rest))
    this.#at -= bytes.length
    this.#bytes.set(bytes, this.#at)
  }

  boolean(value: boolean): void {
    this.#reserve(1)
    this.#bytes[--this.#at] = value ? 1 : 0
  }

  double(value: number): void {
    this.#reserve(8)
    this.#at -= 8
    new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).setFloat64(0, value, true)
  }

  /** Bytes with their length before them. */
  bytes(value: Uint8Array): void {
    this.raw(value)
    this.length(value.length)
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#at -= value.length
    this.#bytes.set(value, this.#at)
  }

  /** Puts its length before everything that was written since `size` was `since`. */
  end(since: number): void {
    this.length(this.size - since)
  }

  length(length: number): void {
    this.#reserve(5)
    this.#low(length)
  }

  /** A text in UTF-8 with its length before it. */
  string(text: string): void {
    const { length } = text
    if (length <= shortText) {
      this.#reserve(length + 5)
      const bytes = this.#bytes
      const start = this.#at - length
      let index = 0
      for (; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code > 127) break
        bytes[start + index] = code
      }
      if (index === length) {
        this.#at = start
        this.#low(length)
        return
      }
    }
    const most = 3 * length
    this.#reserve(most + 5)
    const start = this.#at - most
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(start, this.#at))
    this.#at -= written
    if (written !== most) this.#bytes.copyWithin(this.#at, start, start + written)
    this.#low(written)
  }
}
