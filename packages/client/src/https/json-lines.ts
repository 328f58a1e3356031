/**
 * Splits a byte stream into lines and parses each as JSON. Each byte is looked at once and copied at most once,
 * however many chunks a line comes in.
 */
export class JsonLines {
  #parts: Buffer[] = []

  /** The values of the lines that `chunk` completed. */
  push(chunk: Buffer): unknown[] {
    const values: unknown[] = []
    let start = 0
    for (;;) {
      const end = chunk.indexOf(0x0a, start)
      if (end < 0) break
      const piece = chunk.subarray(start, end)
      const line = this.#parts.length === 0 ? piece : Buffer.concat([...this.#parts, piece])
      this.#parts = []
      start = end + 1
      if (line.length > 0) values.push(JSON.parse(line.toString("utf8")))
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start))
    return values
  }
}
