import { errorMessage } from "@ladya/util"
import { StoreUnavailableError } from "../store.ts"

/** The primary result codes that we tell apart (SQLite's own numbers). */
const codes = { busy: 5, locked: 6, readOnly: 8, ioError: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 }

function primaryCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined
  return typeof code === "number" ? code & 0xff : undefined
}

/** The store's file cannot be used as it is. */
export class StoreDamagedError extends Error {
  override name = "StoreDamagedError"
}

/** Words an error of the engine for the person who runs it: what is wrong, and what to do. */
export function wordEngineError(error: unknown, path: string): Error {
  const detail = errorMessage(error)
  const options = { cause: error }
  switch (primaryCode(error)) {
    case codes.busy:
    case codes.locked:
      return new StoreUnavailableError(
        `the store ${path} is in use by another process: stop that server, or choose another data directory`,
        options,
      )
    case codes.corrupt:
    case codes.notADatabase:
      return new StoreDamagedError(
        `the store ${path} is damaged (${detail}): restore it from a backup, or move it and its -wal file away to start with an empty cluster`,
        options,
      )
    case codes.full:
      return new StoreUnavailableError(`the store ${path} cannot grow, the disk is full: free some space`, options)
    case codes.readOnly:
      return new StoreUnavailableError(
        `the store ${path} is read-only: check the permissions of its directory`,
        options,
      )
    case codes.cannotOpen:
      return new StoreUnavailableError(
        `the store ${path} cannot be opened (${detail}): check that its directory exists and may be written to`,
        options,
      )
    case codes.ioError:
      return new StoreUnavailableError(
        `the store ${path} cannot be read or written (${detail}): check the disk and its free space`,
        options,
      )
    default:
      return new StoreUnavailableError(`the store ${path} failed: ${detail}`, options)
  }
}
