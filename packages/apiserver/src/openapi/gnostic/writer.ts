/** Writes protobuf messages. Absent and zero values are left out, as proto3 has it. */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(256)
  #length = 0

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }

  #varint(value: number): void {
    this.#reserve(10)
    let rest = value
    while (rest > 127) {
      this.#buffer[this.#length++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.#length++] = rest
  }

  string(field: number, value: unknown): this {
    if (typeof value !== "string" || value === "") return this
    this.#varint(field * 8 + 2)
    const size = Buffer.byteLength(value)
    this.#varint(size)
    this.#reserve(size)
    this.#length += this.#buffer.write(value, this.#length)
    return this
  }

  strings(field: number, values: unknown): this {
    for (const value of Array.isArray(values) ? values : []) {
      this.#varint(field * 8 + 2)
      const bytes = Buffer.from(String(value))
      this.#varint(bytes.length)
      this.#bytes(bytes)
    }
    return this
  }

  boolean(field: number, value: unknown): this {
    if (value !== true) return this
    this.#varint(field * 8)
    this.#varint(1)
    return this
  }

  /** A whole number that is not negative. */
  integer(field: number, value: unknown): this {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value <= 0) return this
    this.#varint(field * 8)
    this.#varint(value)
    return this
  }

  double(field: number, value: unknown): this {
    if (typeof value !== "number" || value === 0) return this
    this.#varint(field * 8 + 1)
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
    return this
  }

  /** A message inside this one; written even when it is empty. */
  message(field: number, write: (inner: ProtobufWriter) => unknown): this {
    const inner = new ProtobufWriter()
    write(inner)
    this.#varint(field * 8 + 2)
    this.#varint(inner.#length)
    this.#bytes(inner.finish())
    return this
  }

  #bytes(bytes: Buffer): void {
    this.#reserve(bytes.length)
    this.#length += bytes.copy(this.#buffer, this.#length)
  }

  /** What was written so far. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }
}
