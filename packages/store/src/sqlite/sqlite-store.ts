import { type Clock, errorMessage, type Logger } from "@ladya/util"
import { closedError, IndexedStore, versionOf, type Write } from "../mvcc/indexed-store.ts"
import { isTombstone } from "../mvcc/mvcc-index.ts"
import { FutureRevisionError, type KeyValue, type Store, type WriteResult } from "../store.ts"
import { RevisionLog } from "./revision-log.ts"

export interface SqliteStoreDeps {
  /** The database file; its directory is made when missing. */
  path: string
  clock: Clock
  log: Logger
  /** The file grows no further than this, in bytes: writes then fail as on a full disk. No bound unless told. */
  maxBytes?: number
}

interface Pending {
  readonly write: Write
  resolve(result: WriteResult): void
  reject(error: Error): void
}

/** Rows removed in one transaction of a compaction, so that it never holds the process up for long. */
const removeChunk = 500

class SqliteStore extends IndexedStore {
  readonly #file: RevisionLog
  readonly #log: Logger
  #queue: Pending[] = []
  #flushScheduled = false
  /** Revisions that the index has forgotten and the file has not, ascending. */
  #garbage: number[] = []
  #removing: Promise<void> | undefined
  #failing = false

  constructor(deps: SqliteStoreDeps) {
    super(deps.clock)
    this.#log = deps.log
    this.#file = new RevisionLog(deps.path, deps.maxBytes)
    try {
      this.#load()
    } catch (error) {
      this.#file.close()
      this.expiries.close()
      throw error
    }
    this.hub.begin()
  }

  protected override write(write: Write): Promise<WriteResult> {
    if (this.closed) return Promise.reject(closedError())
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject })
      if (this.#flushScheduled) return
      this.#flushScheduled = true
      setImmediate(() => this.#flush())
    })
  }

  override async compact(revision: number): Promise<void> {
    this.checkOpen()
    if (revision > this.index.revision) throw new FutureRevisionError(this.index.revision)
    if (revision > this.index.compactedRevision) {
      // First the mark, then the rows: a crash in between leaves rows that loading recognises.
      this.#file.transaction(() => this.#file.setCompacted(revision))
      this.#garbage = this.#garbage.concat(this.index.compact(revision))
    }
    this.#removing ??= this.#removeGarbage().finally(() => {
      this.#removing = undefined
    })
    await this.#removing
  }

  override async close(): Promise<void> {
    if (this.closed) return
    this.#flush()
    this.closed = true
    this.expiries.close()
    this.hub.close(closedError())
    await this.#removing?.catch(() => undefined)
    this.#file.close()
  }

  /** One transaction for everything that was queued in this turn; acknowledged when it is on disk. */
  #flush(): void {
    this.#flushScheduled = false
    const batch = this.#queue
    if (batch.length === 0) return
    this.#queue = []
    const versions: (KeyValue | undefined)[] = []
    const refused: (KeyValue | undefined)[] = []
    try {
      this.#file.transaction(() => {
        // What this batch has written so far: conditions are judged as if each write had been applied.
        const written = batch.length > 1 ? new Map<string, KeyValue>() : undefined
        let revision = this.index.revision
        for (const { write } of batch) {
          const own = written?.get(write.key)
          const current = own ? (isTombstone(own) ? undefined : own) : this.index.current(write.key)
          const kv = versionOf(write, current, revision + 1)
          versions.push(kv)
          refused.push(kv ? undefined : current)
          if (!kv) continue
          this.#file.append(kv, write.expiresAt)
          written?.set(write.key, kv)
          revision++
        }
      })
    } catch (error) {
      this.#noteFailure(error)
      for (const pending of batch) pending.reject(error as Error)
      return
    }
    if (this.#failing) this.#noteRecovery()
    const results = versions.map((kv, i): WriteResult => {
      if (!kv) return { ok: false, current: refused[i] }
      return this.applyVersion(kv, batch[i]!.write.expiresAt)
    })
    this.hub.dispatch()
    for (const [i, pending] of batch.entries()) pending.resolve(results[i]!)
  }

  #noteFailure(error: unknown): void {
    if (!this.#failing) this.#log.error("store does not take writes", { error })
    this.#failing = true
  }

  #noteRecovery(): void {
    this.#failing = false
    this.#log.info("store takes writes again")
  }

  async #removeGarbage(): Promise<void> {
    while (this.#garbage.length > 0 && !this.closed) {
      // Ascending: a deletion's row goes after the versions it hides, so that a crash never brings them back.
      const chunk = this.#garbage.slice(0, removeChunk)
      this.#file.transaction(() => {
        for (const revision of chunk) this.#file.remove(revision)
      })
      this.#garbage = this.#garbage.slice(chunk.length)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  #load(): void {
    const compacted = this.#file.compacted()
    const expiring = new Map<string, { at: number; revision: number }>()
    let restoring = true
    const endRestore = (): void => {
      restoring = false
      this.index.restoreCompacted(compacted, this.#garbage)
    }
    for (const { kv, expiresAt } of this.#file.versions()) {
      if (restoring && kv.modRevision > compacted) endRestore()
      if (restoring) this.index.restore(kv)
      else this.index.apply(kv)
      if (expiresAt > 0) expiring.set(kv.key, { at: expiresAt, revision: kv.modRevision })
      else if (expiring.size > 0) expiring.delete(kv.key)
    }
    if (restoring) endRestore()
    for (const [key, { at, revision }] of expiring) this.expiries.add({ key, at, revision })
    if (this.#garbage.length > 0) {
      this.#removing = this.#removeGarbage()
        .catch((error) => this.#log.warn("store could not finish a compaction", { error: errorMessage(error) }))
        .finally(() => {
          this.#removing = undefined
        })
    }
  }
}

/**
 * A store in one SQLite file: a log by revision, one transaction per turn of the event loop, every acknowledged write
 * on disk. Reads come from memory. Throws when the file is in use, damaged or not to be written to.
 */
export function newSqliteStore(deps: SqliteStoreDeps): Store {
  return new SqliteStore(deps)
}
