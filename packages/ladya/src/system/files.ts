import { randomUUID } from "node:crypto"
import { chmod, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { type Clock, sleep, systemClock } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { isAlive, type ProcessRecord, recordOf } from "./processes.ts"

/** Replaces a file at once: a reader sees the old text or the new, never half of one. */
export async function writeFileAtomic(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, content, { mode })
    // The process's umask may have taken bits away that a reader needs.
    await chmod(temporary, mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** What a file holds as JSON; undefined when it is not there. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw new LadyaError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Runs `task` while no other process of Ladya holds the same lock file. A lock whose holder died is taken over. */
export async function withLock<T>(
  path: string,
  task: () => Promise<T>,
  options: { timeoutMs?: number; clock?: Clock } = {},
): Promise<T> {
  const clock = options.clock ?? systemClock
  const end = clock.monotonic() + (options.timeoutMs ?? 60_000)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  for (;;) {
    try {
      const file = await open(path, "wx", 0o600)
      await file.writeFile(JSON.stringify(recordOf(process.pid)))
      await file.close()
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    const holder = await lockHolder(path)
    if (holder !== undefined && !isAlive(holder)) {
      await rm(path, { force: true })
      continue
    }
    if (clock.monotonic() > end) {
      throw new LadyaError(`another ladya (process ${holder?.pid ?? "unknown"}) is at work on this cluster`, {
        hint: `wait for it to end; if it hangs, end it and remove ${path}`,
      })
    }
    await sleep(clock, 50)
  }
  try {
    return await task()
  } finally {
    await rm(path, { force: true })
  }
}

/** Undefined while the file is being written or is gone already. */
async function lockHolder(path: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessRecord
  } catch {
    return undefined
  }
}
