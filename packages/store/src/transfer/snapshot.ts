import { createHash } from "node:crypto"
import { open, readFile, rename, rm } from "node:fs/promises"
import { promisify } from "node:util"
import { gunzip, gzip } from "node:zlib"
import { StoreDamagedError } from "../sqlite/errors.ts"
import type { StoreDump, StoredKey } from "./dump.ts"

/**
 * A snapshot is one gzip file of lines of JSON: a head, one line a key, and last the SHA-256 of all lines before it.
 * What a line says can be read with zcat.
 */
interface Head {
  format: "ladya-snapshot"
  version: 1
  revision: number
  keys: number
  /** ISO 8601. */
  madeAt: string
}

interface Line {
  key: string
  created: number
  modified: number
  /** Milliseconds since the epoch; not there: never. */
  expires?: number
  /** Base64. */
  value: string
}

const digest = (text: Buffer): string => createHash("sha256").update(text).digest("hex")

/** Writes a snapshot; the file, its owner's alone, appears when it is whole and on disk. Gives its size in bytes. */
export async function writeSnapshot(path: string, dump: StoreDump, now: number): Promise<number> {
  const { revision, keys } = dump
  const madeAt = new Date(now).toISOString()
  const head: Head = { format: "ladya-snapshot", version: 1, revision, keys: keys.length, madeAt }
  const lines = [JSON.stringify(head), ...keys.map((stored) => JSON.stringify(lineOf(stored)))]
  const body = Buffer.from(`${lines.join("\n")}\n`)
  const whole = Buffer.concat([body, Buffer.from(`${JSON.stringify({ sha256: digest(body) })}\n`)])
  const packed = await promisify(gzip)(whole)
  const part = `${path}.part`
  try {
    const file = await open(part, "w", 0o600)
    try {
      await file.writeFile(packed)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  return packed.length
}

function lineOf({ key, value, createRevision, modRevision, expiresAt }: StoredKey): Line {
  const expires = expiresAt === 0 ? {} : { expires: expiresAt }
  return { key, created: createRevision, modified: modRevision, ...expires, value: value.toString("base64") }
}

/** Reads a snapshot whole. Throws a StoreDamagedError for one that is not as it was written. */
export async function readSnapshot(path: string): Promise<StoreDump> {
  const damaged = (why: string): StoreDamagedError =>
    new StoreDamagedError(`the snapshot ${path} is damaged (${why}): take another`)
  const whole = await promisify(gunzip)(await readFile(path)).catch((error: Error) => {
    throw damaged(error.message)
  })
  // The last line has its own end; what is before it ends with one too.
  const end = whole.lastIndexOf(10, whole.length - 2) + 1
  const body = whole.subarray(0, end)
  const parse = <T>(text: string): T => {
    try {
      return JSON.parse(text) as T
    } catch {
      throw damaged("a line is no JSON")
    }
  }
  if (parse<{ sha256?: string }>(whole.toString("utf8", end)).sha256 !== digest(body)) throw damaged("wrong checksum")
  const [first = "", ...lines] = body.toString().trimEnd().split("\n")
  const head = parse<Head>(first)
  if (head.format !== "ladya-snapshot") throw damaged("it is no snapshot")
  if (head.version !== 1) {
    throw new StoreDamagedError(`the snapshot ${path} was written by a newer version (${head.version})`)
  }
  if (lines.length !== head.keys) throw damaged(`${lines.length} keys instead of ${head.keys}`)
  const keys = lines.map((line): StoredKey => {
    const { key, created, modified, expires = 0, value } = parse<Line>(line)
    const revisions = { createRevision: created, modRevision: modified }
    return { key, value: Buffer.from(value, "base64"), ...revisions, expiresAt: expires }
  })
  return { revision: head.revision, keys }
}
