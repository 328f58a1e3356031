import { existsSync } from "node:fs"
import {
  compactEtcd,
  compactSqlite,
  dumpEtcd,
  dumpSqlite,
  loadEtcd,
  loadSqlite,
  newEtcdStore,
  readSnapshot,
  requireEmptyEtcd,
  requireEmptySqlite,
  type StoreDump,
  TransferRefusedError,
  writeSnapshot,
} from "@ladya/store"
import { silentLogger, systemClock } from "@ladya/util"
import type { Progress } from "../cli/output.ts"
import { LadyaError } from "../errors.ts"
import { requireUnused } from "./in-use.ts"
import { nameOf, type StoreLocation } from "./location.ts"

const clock = systemClock

/** Copies everything into an empty store. Neither may be in use. Gives how many keys there are. */
export async function copyStore(from: StoreLocation, to: StoreLocation, progress: Progress): Promise<number> {
  return await worded(async () => {
    // What would be refused in the end is refused before anything is read.
    await requireEmpty(to)
    const dump = await progress.step(`read ${nameOf(from)}`, () => dumpUnused(from))
    await load(to, dump, progress)
    return dump.keys.length
  })
}

/** Writes everything into one file. An embedded store must not be in use; etcd may be. */
export async function snapshotStore(
  from: StoreLocation,
  file: string,
  progress: Progress,
): Promise<{ keys: number; revision: number; bytes: number }> {
  return await worded(async () => {
    if (existsSync(file)) throw new TransferRefusedError(`there is a file ${file} already`)
    const dump = await progress.step(`read ${nameOf(from)}`, () => dumpOf(from))
    const bytes = await progress.step(`write ${file}`, () => writeSnapshot(file, dump, clock.now()))
    return { keys: dump.keys.length, revision: dump.revision, bytes }
  })
}

/** Fills an empty store from such a file, after its checksum was found right. */
export async function restoreStore(file: string, to: StoreLocation, progress: Progress): Promise<number> {
  return await worded(async () => {
    await requireEmpty(to)
    const dump = await progress.step(`check ${file}`, () => readSnapshot(file))
    await load(to, dump, progress)
    return dump.keys.length
  })
}

/** Forgets all overwritten versions and gives their room back. */
export async function compactStore(
  location: StoreLocation,
  progress: Progress,
): Promise<{ revision: number; bytesBefore: number; bytesAfter: number }> {
  return await worded(() =>
    progress.step(`compact ${nameOf(location)}`, () =>
      location.engine === "sqlite"
        ? compactSqlite(location.path, { clock, log: silentLogger })
        : compactEtcd(location.deps),
    ),
  )
}

/** Whether a store has objects in it. */
export async function hasObjects(location: StoreLocation): Promise<boolean> {
  return await worded(async () => {
    if (location.engine === "sqlite") return existsSync(location.path) && dumpSqlite(location.path).keys.length > 0
    const store = newEtcdStore(location.deps)
    try {
      return (await store.list({ prefix: "/registry/", limit: 1 })).items.length > 0
    } finally {
      await store.close()
    }
  })
}

async function dumpOf(location: StoreLocation): Promise<StoreDump> {
  return location.engine === "sqlite" ? dumpSqlite(location.path) : await dumpEtcd(location.deps)
}

async function dumpUnused(location: StoreLocation): Promise<StoreDump> {
  if (location.engine === "etcd") {
    const store = newEtcdStore(location.deps)
    try {
      await requireUnused(store, location.name, clock.now())
    } finally {
      await store.close()
    }
  }
  return await dumpOf(location)
}

/** What is empty has no server on it: a server's first act is to write. */
async function requireEmpty(location: StoreLocation): Promise<void> {
  if (location.engine === "sqlite") requireEmptySqlite(location.path)
  else await requireEmptyEtcd(location.deps)
}

async function load(to: StoreLocation, dump: StoreDump, progress: Progress): Promise<void> {
  await progress.step(`write ${dump.keys.length} keys to ${nameOf(to)}`, async (detail) => {
    const onProgress = (done: number, total: number): void => {
      if (done % 100 === 0) detail(`${done} of ${total}`)
    }
    if (to.engine === "sqlite") await loadSqlite(to.path, dump, onProgress)
    else await loadEtcd(to.deps, dump, onProgress)
  })
}

/** What the store package says of a store is meant for people: it is told without a stack. */
async function worded<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (!(error instanceof Error) || error instanceof LadyaError) throw error
    const hints: Record<string, string> = {
      TransferRefusedError: "name another, or move what is there away first",
      StoreUnavailableError: "stop the server that has it: ladya down --keep-nodes leaves the containers running",
      StoreDamagedError: "use another copy of it",
    }
    const hint = hints[error.name]
    if (hint === undefined) throw error
    throw new LadyaError(error.message, { hint, cause: error })
  }
}
