/** The bytes are not a protobuf message of the wanted kind. */
export class ProtobufError extends Error {
  override name = "ProtobufError"
}

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
/** Longer texts are left to the engine's decoder. */
const shortText = 24

/** Reads one protobuf message, field by field. Never reads past its end. */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  #at: number
  readonly #end: number
  /** The number and wire type of the field that `next` found. */
  field = 0
  wire = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  /** Goes on to the next field; false at the end. Its value must be read or skipped before the next call. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const tag = this.#low()
    this.field = tag >>> 3
    this.wire = tag & 7
    if (this.field === 0) throw new ProtobufError("proto: illegal tag 0")
    return true
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new ProtobufError("unexpected EOF")
    return this.#bytes[this.#at++] as number
  }

  /** A varint of at most 32 bits. */
  #low(): number {
    let value = this.#byte()
    if (value < 128) return value
    value &= 127
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    const last = this.#byte()
    if (last > 15) throw new ProtobufError("proto: integer overflow")
    return value + last * 0x10000000
  }

  /** The number a varint of 64 bits stands for, taken as signed. */
  #varint(): number {
    let value = 0
    let factor = 1
    for (let count = 1; count <= 10; count++) {
      const byte = this.#byte()
      if (count > 7) return Number(BigInt.asIntN(64, this.#rest(BigInt(value), count - 1, byte)))
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
    throw new ProtobufError("proto: integer overflow")
  }

  // Beyond 49 bits a number does not hold them all.
  #rest(low: bigint, read: number, first: number): bigint {
    let value = low
    let byte = first
    for (let count = read; count < 10; count++) {
      value |= BigInt(byte & 127) << BigInt(7 * count)
      if (byte < 128) return value
      if (count < 9) byte = this.#byte()
    }
    throw new ProtobufError("proto: integer overflow")
  }

  #expect(wire: number): void {
    if (this.wire !== wire) throw new ProtobufError(`proto: wrong wireType = ${this.wire} for field ${this.field}`)
  }

  /** A signed integer of 32 or 64 bits. */
  integer(): number {
    this.#expect(0)
    return this.#varint()
  }

  boolean(): boolean {
    this.#expect(0)
    return this.#varint() !== 0
  }

  double(): number {
    this.#expect(1)
    const at = this.#take(8)
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 8).getFloat64(0, true)
  }

  bytes(): Uint8Array {
    this.#expect(2)
    const length = this.#low()
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  string(): string {
    this.#expect(2)
    const length = this.#low()
    const at = this.#take(length)
    const end = at + length
    // Short texts are mostly ASCII, and put together faster here than the engine's decoder is called.
    if (length <= shortText) {
      let made = ""
      let index = at
      for (; index < end; index++) {
        const byte = this.#bytes[index] as number
        if (byte > 127) break
        made += String.fromCharCode(byte)
      }
      if (index === end) return made
    }
    try {
      return text.decode(this.#bytes.subarray(at, end))
    } catch {
      throw new ProtobufError("proto: invalid UTF-8 string")
    }
  }

  message(): ProtobufReader {
    this.#expect(2)
    const length = this.#low()
    const at = this.#take(length)
    return new ProtobufReader(this.#bytes, at, at + length)
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#end - at) throw new ProtobufError("unexpected EOF")
    this.#at = at + length
    return at
  }

  skip(): void {
    if (this.wire === 0) this.#varint()
    else if (this.wire === 1) this.#take(8)
    else if (this.wire === 2) this.#take(this.#low())
    else if (this.wire === 5) this.#take(4)
    else throw new ProtobufError(`proto: illegal wireType ${this.wire}`)
  }
}
