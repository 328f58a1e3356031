import type { LogOptions } from "./options.ts"

const space = 0x20
const newline = 0x0a

interface LogLine {
  /** As written: RFC 3339 with nanoseconds. */
  time: string
  stream: string
  /** The line goes on in the next one. */
  partial: boolean
  text: Buffer
}

/** One line of a CRI log, without its newline: `<time> stdout F <text>`; undefined when it is none. */
export function parseLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space)
  const second = first < 0 ? -1 : line.indexOf(space, first + 1)
  if (second < 0) return undefined
  const third = line.indexOf(space, second + 1)
  const stream = line.toString("latin1", first + 1, second)
  if (stream !== "stdout" && stream !== "stderr") return undefined
  const tags = line.toString("latin1", second + 1, third < 0 ? line.length : third)
  return {
    time: line.toString("latin1", 0, first),
    stream,
    partial: tags.split(":").includes("P"),
    text: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  }
}

/** Whether a time of the log is at or after `sinceMs`; what cannot be read is. */
function isSince(time: string, sinceMs: number): boolean {
  const at = Date.parse(time)
  return Number.isNaN(at) || at >= sinceMs
}

const lineEnd = Buffer.from("\n")

/** Turns bytes of a CRI log into what a client wants to see. Keeps what is left of a line for the next piece. */
export class LogFormatter {
  readonly #options: Pick<LogOptions, "timestamps" | "sinceMs" | "stream">
  #left: number
  #rest: Buffer = Buffer.alloc(0)
  /** Streams whose last line goes on. */
  readonly #open = new Set<string>()

  constructor(options: Pick<LogOptions, "timestamps" | "sinceMs" | "stream" | "limitBytes">) {
    this.#options = options
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY
  }

  /** `limitBytes` has been reached: nothing more will come. */
  get done(): boolean {
    return this.#left <= 0
  }

  /** What a piece of the log's bytes adds for the client. */
  push(bytes: Buffer): Buffer {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes
    const pieces: Buffer[] = []
    let at = 0
    for (;;) {
      const end = data.indexOf(newline, at)
      if (end < 0) break
      this.#line(data.subarray(at, end), pieces)
      at = end + 1
    }
    // A copy: the caller reuses its buffer.
    this.#rest = Buffer.from(data.subarray(at))
    const out = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
    const cut = out.length > this.#left ? out.subarray(0, this.#left) : out
    this.#left -= cut.length
    return cut
  }

  /** The file has ended, another begins: a torn line stays torn. */
  reset(): void {
    this.#rest = Buffer.alloc(0)
  }

  #line(line: Buffer, pieces: Buffer[]): void {
    const parsed = parseLine(line)
    if (!parsed) return
    const { timestamps, sinceMs, stream } = this.#options
    if (stream !== "All" && stream.toLowerCase() !== parsed.stream) return
    if (sinceMs !== undefined && !isSince(parsed.time, sinceMs)) return
    if (timestamps && !this.#open.has(parsed.stream)) pieces.push(Buffer.from(`${parsed.time} `, "latin1"))
    pieces.push(parsed.text)
    if (parsed.partial) this.#open.add(parsed.stream)
    else {
      this.#open.delete(parsed.stream)
      pieces.push(lineEnd)
    }
  }
}
