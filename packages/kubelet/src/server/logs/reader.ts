import { type FSWatcher, watch } from "node:fs"
import { type FileHandle, open, stat } from "node:fs/promises"
import { basename, dirname } from "node:path"
import { LogFormatter } from "./format.ts"
import type { LogOptions } from "./options.ts"
import { tailOffset } from "./tail.ts"

const readBytes = 64 * 1024

export interface ReadLogRequest {
  path: string
  options: LogOptions
  signal: AbortSignal
  /** Settles when the container has ended: nothing more will be written. Only asked when following. */
  ended?: (signal: AbortSignal) => Promise<void>
}

/** Tells when a file changes, by the kernel's notifications for its directory: the file may be replaced meanwhile. */
class FileChanges {
  readonly #watcher: FSWatcher
  #next = Promise.withResolvers<void>()

  constructor(path: string) {
    const name = basename(path)
    this.#watcher = watch(dirname(path), { persistent: false }, (_event, changed) => {
      if (changed === null || changed === name) this.#next.resolve()
    })
    // The directory is gone: the reader finds out by itself.
    this.#watcher.on("error", () => this.#next.resolve())
  }

  /** Resolves when something changed since the last call of `reset`. */
  changed(): Promise<void> {
    return this.#next.promise
  }

  reset(): void {
    this.#next = Promise.withResolvers()
  }

  /** Wakes the reader though the file did not change. */
  wake(): void {
    this.#next.resolve()
  }

  close(): void {
    this.#watcher.close()
    this.#next.resolve()
  }
}

/** The handle of the file that now stands at the path, when it is another one: the log was rotated. */
async function replacement(path: string, current: FileHandle): Promise<FileHandle | undefined> {
  const [there, open_] = await Promise.all([stat(path).catch(() => undefined), current.stat()])
  if (!there || (there.ino === open_.ino && there.dev === open_.dev)) return undefined
  return open(path, "r").catch(() => undefined)
}

/**
 * The text of a container's log. Following, it goes on as lines are written, through rotations of the file, and ends
 * when the container has ended and all is read. Ends early, normally, when the signal aborts.
 * Throws ENOENT when there is no log.
 */
export async function* readLog(request: ReadLogRequest): AsyncIterable<Buffer> {
  const { path, options, signal } = request
  const formatter = new LogFormatter(options)
  let file = await open(path, "r")
  const changes = options.follow ? new FileChanges(path) : undefined
  const watching = new AbortController()
  let ended = !options.follow
  let successor: FileHandle | undefined
  if (changes) {
    const stop = (): void => changes.wake()
    signal.addEventListener("abort", stop, { once: true, signal: watching.signal })
    request.ended?.(AbortSignal.any([signal, watching.signal])).then(
      () => {
        ended = true
        changes.wake()
      },
      () => undefined,
    )
  }
  try {
    const { size } = await file.stat()
    let position = options.tailLines === undefined ? 0 : await tailOffset(file, size, options.tailLines)
    const buffer = Buffer.alloc(readBytes)
    while (!signal.aborted && !formatter.done) {
      // Read what these say before reading the file, so that nothing between the two is missed.
      const wasEnded = ended
      changes?.reset()
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position)
      if (bytesRead > 0) {
        position += bytesRead
        const text = formatter.push(buffer.subarray(0, bytesRead))
        // A copy is made where the text is a part of the buffer that is read into next.
        if (text.length > 0) yield Buffer.from(text)
        continue
      }
      // Seen before the last look at the old file: what was written to it in between is not lost.
      const next: FileHandle | undefined = successor
      successor = next || !changes ? undefined : await replacement(path, file)
      if (successor) continue
      if (next) {
        await file.close()
        file = next
        position = 0
        formatter.reset()
        continue
      }
      if (wasEnded || signal.aborted) return
      if (!ended) await changes?.changed()
    }
  } finally {
    watching.abort()
    changes?.close()
    await successor?.close()
    await file.close()
  }
}
