import { createReadStream, createWriteStream } from "node:fs"
import { readdir, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import type { RuntimeService } from "@ladya/cri"
import { type Clock, type Component, errorMessage, type Logger, sleep } from "@ladya/util"
import type { ObservedContainer } from "./observed.ts"

export interface LogRotationDeps {
  runtime: Pick<RuntimeService, "reopenContainerLog">
  /** The containers that run now. */
  running(): readonly ObservedContainer[]
  clock: Clock
  log: Logger
  /** A log that is larger is put aside; 10 MiB unless told. */
  maxBytes?: number
  /** Files kept of one log, the current one with them; 5 unless told. */
  maxFiles?: number
  /** How often sizes are looked at; 10 s unless told. */
  intervalMs?: number
}

/** `20260102-030405` */
const stamp = (ms: number): string =>
  new Date(ms).toISOString().slice(0, 19).replaceAll("-", "").replaceAll(":", "").replace("T", "-")

/** The older parts of a log, the oldest first. */
async function olderParts(path: string): Promise<string[]> {
  const prefix = `${basename(path)}.`
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix) && !name.endsWith(".tmp"))
  return names.sort().map((name) => join(dirname(path), name))
}

async function compress(path: string): Promise<void> {
  const unfinished = `${path}.tmp`
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished))
  await rename(unfinished, `${path}.gz`)
  await rm(path, { force: true })
}

/** Keeps containers' logs from filling the disk: a log that grew too large is put aside, old parts are compressed and at last removed. */
export function newLogRotation(deps: LogRotationDeps): Component & { rotateAll(): Promise<void> } {
  const { runtime, clock, log, maxBytes = 10 * 2 ** 20, maxFiles = 5, intervalMs = 10_000 } = deps
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  async function rotate({ id, logPath }: ObservedContainer): Promise<void> {
    const size = await stat(logPath).then(
      (found) => found.size,
      () => 0,
    )
    if (size < maxBytes) return
    const parts = await olderParts(logPath)
    // With the one that is put aside now there may be `maxFiles - 1` beside the current log.
    const surplus = parts.splice(0, Math.max(0, parts.length - (maxFiles - 2)))
    for (const part of surplus) await rm(part, { force: true })
    // Readers that follow may still be at the end of the youngest part: that one stays as it is until the next time.
    for (const part of parts) if (!part.endsWith(".gz")) await compress(part)
    const aside = `${logPath}.${stamp(clock.now())}`
    await rename(logPath, aside)
    try {
      await runtime.reopenContainerLog(id)
    } catch (error) {
      // The container goes on writing to the file it has: give it its name back.
      await rename(aside, logPath)
      throw error
    }
  }

  async function rotateAll(): Promise<void> {
    for (const container of deps.running()) {
      await rotate(container).catch((error: unknown) =>
        log.warn("a container's log was not rotated", { log: container.logPath, error: errorMessage(error) }),
      )
    }
  }

  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      await sleep(clock, intervalMs, stopped.signal).catch(() => undefined)
      if (!stopped.signal.aborted) await rotateAll()
    }
  }

  return {
    name: "log rotation",
    rotateAll,
    start: async () => {
      running = loop()
    },
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}
