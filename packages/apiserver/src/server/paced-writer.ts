import type { Writable } from "node:stream"

/**
 * At most so much is handed to a connection at a time. TLS encrypts what it is given at once, into memory of its own that
 * it keeps for as long as the connection lives: a list of 8 MB would cost every connection that ever asked for it 8 MB.
 */
const stepBytes = 64 * 1024

/**
 * Writes buffers to a stream step by step, the next when the last has gone to the kernel. What waits is not copied: many
 * connections can share it.
 */
export class PacedWriter {
  readonly #stream: Writable
  #queue: Buffer[] = []
  /** The index of the first buffer that is still to be written, and how much of it is written. */
  #next = 0
  #offset = 0
  #pendingBytes = 0
  #inFlight = 0
  #onEmpty: (() => void) | undefined
  readonly #onWritten = (error?: Error | null): void => {
    this.#pendingBytes -= this.#inFlight
    this.#inFlight = 0
    if (error || this.#stream.destroyed) this.#drop()
    else this.#step()
  }

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** What has not gone to the kernel yet. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  write(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#pendingBytes += chunk.length
    this.#queue.push(chunk)
    if (this.#inFlight === 0) this.#step()
  }

  /** Calls back when everything is written, at once when it is, and never when the stream breaks. */
  whenEmpty(callback: () => void): void {
    if (this.#pendingBytes === 0) callback()
    else this.#onEmpty = callback
  }

  #step(): void {
    const pieces = this.#take()
    const last = pieces.pop()
    if (!last) {
      const callback = this.#onEmpty
      this.#onEmpty = undefined
      callback?.()
      return
    }
    if (pieces.length === 0) {
      this.#stream.write(last, this.#onWritten)
      return
    }
    this.#stream.cork()
    for (const piece of pieces) this.#stream.write(piece)
    this.#stream.write(last, this.#onWritten)
    this.#stream.uncork()
  }

  /** The next buffers, cut to the size of a step. */
  #take(): Buffer[] {
    const pieces: Buffer[] = []
    while (this.#next < this.#queue.length && this.#inFlight < stepBytes) {
      const chunk = this.#queue[this.#next]!
      const end = Math.min(chunk.length, this.#offset + stepBytes - this.#inFlight)
      pieces.push(this.#offset === 0 && end === chunk.length ? chunk : chunk.subarray(this.#offset, end))
      this.#inFlight += end - this.#offset
      this.#offset = end
      if (end < chunk.length) break
      this.#offset = 0
      this.#next++
    }
    if (this.#next === this.#queue.length) {
      this.#queue = []
      this.#next = 0
    }
    return pieces
  }

  #drop(): void {
    this.#queue = []
    this.#next = 0
    this.#offset = 0
    this.#pendingBytes = 0
    this.#onEmpty = undefined
  }
}

/** Writes a whole body to an answer whose headers are on their way, and ends it. */
export function writeBody(stream: Writable, chunks: readonly Buffer[], length: number): void {
  const last = chunks.length - 1
  if (length <= stepBytes) {
    for (let index = 0; index < last; index++) stream.write(chunks[index])
    stream.end(chunks[last])
    return
  }
  const writer = new PacedWriter(stream)
  for (const chunk of chunks) writer.write(chunk)
  writer.whenEmpty(() => stream.end())
}
