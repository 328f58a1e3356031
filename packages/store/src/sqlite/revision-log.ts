import { closeSync, fchmodSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { noValue } from "../mvcc/mvcc-index.ts"
import type { KeyValue } from "../store.ts"
import { StoreDamagedError, wordEngineError } from "./errors.ts"

/** "Ldya": marks the file as ours. */
const applicationId = 0x4c647961
const schemaVersion = 1
/** Of new files. An object with its row fits into one page of this size and seldom into one of half of it. */
const pageBytes = 8192

/** One row of the log. */
export interface LoggedVersion {
  readonly kv: KeyValue
  /** Milliseconds since the epoch; 0: never. */
  readonly expiresAt: number
}

interface Row {
  revision: number
  key: string
  created: number
  value: Uint8Array | null
  expires: number
}

/** The file: an append-only log of versions by revision. It knows nothing of conditions or watches. */
export class RevisionLog {
  readonly #path: string
  readonly #db: DatabaseSync
  readonly #insert: StatementSync
  readonly #remove: StatementSync
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #setCompacted: StatementSync

  /** Opens or makes the file and takes it for this process alone. Throws with words for the person who runs it. */
  constructor(path: string, maxBytes: number | undefined) {
    this.#path = path
    let db: DatabaseSync | undefined
    try {
      if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      // Secrets are in it; the engine gives its side files the mode of this one.
      if (path !== ":memory:") ownFile(path)
      // A server that is just ending may hold the file a moment longer.
      db = new DatabaseSync(path, { timeout: 2000 })
      prepareSchema(db, path, maxBytes)
      this.#db = db
      this.#insert = db.prepare("INSERT INTO log (revision, key, created, value, expires) VALUES (?, ?, ?, ?, ?)")
      this.#remove = db.prepare("DELETE FROM log WHERE revision = ?")
      this.#begin = db.prepare("BEGIN IMMEDIATE")
      this.#commit = db.prepare("COMMIT")
      this.#setCompacted = db.prepare("UPDATE state SET compacted = ?")
    } catch (error) {
      db?.close()
      throw error instanceof StoreDamagedError ? error : wordEngineError(error, path)
    }
  }

  /** The revision of the last compaction; 0 when there was none. */
  compacted(): number {
    const row = this.#words(() => this.#db.prepare("SELECT compacted FROM state").get())
    return Number(row?.["compacted"] ?? 0)
  }

  /** All versions, in order of revision. */
  *versions(): Generator<LoggedVersion> {
    try {
      const rows = this.#db
        .prepare("SELECT revision, key, created, value, expires FROM log ORDER BY revision")
        .iterate()
      for (const row of rows as Iterable<unknown> as Iterable<Row>) {
        const { value } = row
        yield {
          kv: {
            key: row.key,
            value: value ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : noValue,
            createRevision: row.created,
            modRevision: row.revision,
          },
          expiresAt: row.expires,
        }
      }
    } catch (error) {
      throw wordEngineError(error, this.#path)
    }
  }

  /** Runs `write` in one transaction: when this returns, everything is on disk; when it throws, nothing is. */
  transaction<T>(write: () => T): T {
    return this.#words(() => {
      this.#begin.run()
      try {
        const result = write()
        this.#commit.run()
        return result
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec("ROLLBACK")
        throw error
      }
    })
  }

  append(kv: KeyValue, expiresAt: number): void {
    this.#insert.run(kv.modRevision, kv.key, kv.createRevision, kv.value === noValue ? null : kv.value, expiresAt)
  }

  remove(revision: number): void {
    this.#remove.run(revision)
  }

  setCompacted(revision: number): void {
    this.#setCompacted.run(revision)
  }

  /** Gives the room of what was removed back to the disk. */
  vacuum(): void {
    this.#words(() => this.#db.exec("VACUUM"))
  }

  close(): void {
    this.#db.close()
  }

  #words<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw wordEngineError(error, this.#path)
    }
  }
}

function prepareSchema(db: DatabaseSync, path: string, maxBytes: number | undefined): void {
  // Exclusive: no shared-memory file, no lock calls per transaction, and no second server on the same file.
  db.exec(`PRAGMA page_size = ${pageBytes}`)
  db.exec("PRAGMA locking_mode = EXCLUSIVE")
  db.exec("PRAGMA journal_mode = WAL")
  db.exec("PRAGMA synchronous = FULL")
  db.exec("PRAGMA journal_size_limit = 67108864")
  if (maxBytes !== undefined) {
    const size = Number(db.prepare("PRAGMA page_size").get()?.["page_size"])
    db.exec(`PRAGMA max_page_count = ${Math.max(8, Math.floor(maxBytes / size))}`)
  }
  db.exec("BEGIN IMMEDIATE")
  const id = Number(db.prepare("PRAGMA application_id").get()?.["application_id"])
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"])
  if (id === 0 && version === 0) {
    const tables = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"])
    if (tables > 0) throw new StoreDamagedError(`${path} is a database of another program: choose another file`)
    // value is null for a deletion; expires is in milliseconds since the epoch, 0 for never.
    db.exec(`CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL,
      value BLOB, expires INTEGER NOT NULL)`)
    db.exec("CREATE TABLE state (compacted INTEGER NOT NULL)")
    db.exec("INSERT INTO state VALUES (0)")
    db.exec(`PRAGMA application_id = ${applicationId}`)
    db.exec(`PRAGMA user_version = ${schemaVersion}`)
  } else if (id !== applicationId) {
    throw new StoreDamagedError(`${path} is a database of another program: choose another file`)
  } else if (version > schemaVersion) {
    throw new StoreDamagedError(
      `the store ${path} was written by a newer version (schema ${version}, this one knows ${schemaVersion}): start that version`,
    )
  }
  db.exec("COMMIT")
}

/** Makes the file when it is missing; either way it is its owner's alone. */
function ownFile(path: string): void {
  const file = openSync(path, "a", 0o600)
  try {
    fchmodSync(file, 0o600)
  } finally {
    closeSync(file)
  }
}
