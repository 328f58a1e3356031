import { connect, type Socket } from "node:net"

/** What Redis answers with, out of its own protocol (RESP). */
export type Reply = string | number | null | Reply[]

/** Redis said no. */
export class RedisError extends Error {
  override name = "RedisError"
}

/** Reads one reply from the start of a buffer; undefined while it is not all there. */
export function readReply(buffer: Buffer, from = 0): { reply: Reply | RedisError; end: number } | undefined {
  const lineEnd = buffer.indexOf("\r\n", from)
  if (lineEnd < 0) return undefined
  const line = buffer.toString("utf8", from + 1, lineEnd)
  const next = lineEnd + 2
  switch (String.fromCharCode(buffer[from] ?? 0)) {
    case "+":
      return { reply: line, end: next }
    case "-":
      return { reply: new RedisError(line), end: next }
    case ":":
      return { reply: Number(line), end: next }
    case "$": {
      const length = Number(line)
      if (length < 0) return { reply: null, end: next }
      if (buffer.length < next + length + 2) return undefined
      return { reply: buffer.toString("utf8", next, next + length), end: next + length + 2 }
    }
    case "*": {
      const items: Reply[] = []
      let end = next
      for (let count = Number(line); count > 0; count--) {
        const item = readReply(buffer, end)
        if (!item) return undefined
        if (item.reply instanceof RedisError) throw item.reply
        items.push(item.reply)
        end = item.end
      }
      return { reply: items, end }
    }
    default:
      throw new RedisError(`not an answer of Redis: ${line}`)
  }
}

interface Waiting {
  resolve(reply: Reply): void
  reject(error: Error): void
}

/** A client on one connection, opened when it is first needed and again after it broke. Answers come in the order of the commands. */
export class Redis {
  readonly #options: { host: string; port: number; password: string | undefined }
  #socket: Socket | undefined
  #buffer = Buffer.alloc(0)
  #waiting: Waiting[] = []

  constructor(options: { host: string; port: number; password: string | undefined }) {
    this.#options = options
  }

  command(...words: string[]): Promise<Reply> {
    const socket = this.#connection()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      socket.write(encode(words))
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connection(): Socket {
    if (this.#socket && !this.#socket.destroyed) return this.#socket
    const { host, port, password } = this.#options
    const socket = connect({ host, port, timeout: 2000 })
    this.#socket = socket
    this.#buffer = Buffer.alloc(0)
    socket.on("data", (chunk) => this.#receive(chunk))
    socket.on("timeout", () => {
      // An idle connection is fine; one that owes answers is not.
      if (this.#waiting.length > 0) socket.destroy(new RedisError(`${host}:${port} does not answer`))
    })
    socket.on("error", () => undefined)
    socket.on("close", () => this.#fail(new RedisError(`no connection to ${host}:${port}`)))
    if (password) {
      this.#waiting.push({ resolve: () => undefined, reject: () => undefined })
      socket.write(encode(["AUTH", password]))
    }
    return socket
  }

  #receive(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk])
    for (let read = readReply(this.#buffer); read; read = readReply(this.#buffer)) {
      this.#buffer = this.#buffer.subarray(read.end)
      const waiting = this.#waiting.shift()
      if (read.reply instanceof RedisError) waiting?.reject(read.reply)
      else waiting?.resolve(read.reply)
    }
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one.reject(error)
  }
}

function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`
}
