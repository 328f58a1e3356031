import { existsSync, renameSync, rmSync, statSync } from "node:fs"
import type { Clock, Logger } from "@ladya/util"
import { isTombstone } from "../mvcc/mvcc-index.ts"
import { RevisionLog } from "../sqlite/revision-log.ts"
import { newSqliteStore } from "../sqlite/sqlite-store.ts"
import { byRevision, type OnProgress, type StoreDump, type StoredKey, TransferRefusedError } from "./dump.ts"

/** Rows written in one transaction. */
const chunk = 1000

/**
 * Everything in an embedded store's file. Throws StoreUnavailableError while a server has it, TransferRefusedError when
 * there is no such file.
 */
export function dumpSqlite(path: string): StoreDump {
  if (!existsSync(path)) throw new TransferRefusedError(`there is no store ${path}`)
  const log = new RevisionLog(path, undefined)
  try {
    return dumpLog(log)
  } finally {
    log.close()
  }
}

function dumpLog(log: RevisionLog): StoreDump {
  // A store that was never written to is at revision 1.
  let revision = Math.max(1, log.compacted())
  const keys = new Map<string, StoredKey>()
  for (const { kv, expiresAt } of log.versions()) {
    revision = Math.max(revision, kv.modRevision)
    if (isTombstone(kv)) keys.delete(kv.key)
    else keys.set(kv.key, { ...kv, expiresAt })
  }
  return { revision, keys: [...keys.values()].sort(byRevision) }
}

/** Throws a TransferRefusedError unless there is no store at the path, or an empty one; StoreUnavailableError while a server has it. */
export function requireEmptySqlite(path: string): void {
  if (!existsSync(path)) return
  const { keys } = dumpSqlite(path)
  if (keys.length > 0) throw new TransferRefusedError(`the store ${path} is not empty (${keys.length} keys)`)
}

/**
 * Makes an embedded store of a dump, revisions and all: what clients remember of the old store holds in the new one.
 * The file appears when it is complete. Throws as `requireEmptySqlite` does.
 */
export async function loadSqlite(
  path: string,
  dump: StoreDump,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  requireEmptySqlite(path)
  const part = `${path}.part`
  removeStore(part)
  const log = new RevisionLog(part, undefined)
  try {
    let revision = 0
    for (let from = 0; from < dump.keys.length; from += chunk) {
      log.transaction(() => {
        for (const { expiresAt, ...kv } of dump.keys.slice(from, from + chunk)) {
          // One revision, one row: an engine that wrote several keys at once had one for all of them.
          revision = Math.max(kv.modRevision, revision + 1)
          log.append({ ...kv, modRevision: revision }, expiresAt)
        }
      })
      onProgress(Math.min(from + chunk, dump.keys.length), dump.keys.length)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    log.transaction(() => log.setCompacted(Math.max(revision, dump.revision)))
    log.close()
  } catch (error) {
    log.close()
    removeStore(part)
    throw error
  }
  // Closing has emptied the side files into the file: it alone is to be moved.
  removeStore(path)
  renameSync(part, path)
  removeStore(part)
}

function removeStore(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true })
}

/** Forgets all overwritten versions and gives their room back. Throws StoreUnavailableError while a server has the file. */
export async function compactSqlite(
  path: string,
  deps: { clock: Clock; log: Logger },
): Promise<{ revision: number; bytesBefore: number; bytesAfter: number }> {
  if (!existsSync(path)) throw new TransferRefusedError(`there is no store ${path}`)
  const bytesBefore = statSync(path).size
  const store = newSqliteStore({ path, ...deps })
  let revision: number
  try {
    revision = await store.currentRevision()
    await store.compact(revision)
  } finally {
    await store.close()
  }
  const log = new RevisionLog(path, undefined)
  try {
    log.vacuum()
  } finally {
    log.close()
  }
  return { revision, bytesBefore, bytesAfter: statSync(path).size }
}
