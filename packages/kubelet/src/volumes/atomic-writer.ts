import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises"
import { dirname, join, posix } from "node:path"

export interface PayloadFile {
  data: Uint8Array
  /** Permission bits. */
  mode: number
}

/** Files by relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>

const dataLink = "..data"
const newDataLink = "..data_tmp"

function checkPath(path: string): void {
  if (path === "") throw new Error("invalid path: must not be empty")
  if (path.startsWith("/")) throw new Error("invalid path: must be relative path")
  if (path.split("/").includes("..")) throw new Error("invalid path: must not contain '..'")
  if (path.startsWith("..")) throw new Error("invalid path: must not start with '..'")
  if (path.length > 4096) throw new Error("invalid path: must be less than 4096 characters")
  if (path.split("/").some((part) => Buffer.byteLength(part) > 255)) {
    throw new Error("invalid path: filenames must be less than 255 characters")
  }
}

async function currentVersion(directory: string): Promise<string | undefined> {
  try {
    return await readlink(join(directory, dataLink))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => posix.relative(directory, join(entry.parentPath, entry.name)))
}

/** Whether the version on disk has exactly these files with this content and these modes. */
async function isCurrent(version: string, payload: Payload, modeMask: number): Promise<boolean> {
  try {
    const files = await filesBelow(version)
    if (files.length !== payload.size) return false
    for (const [path, file] of payload) {
      const full = join(version, path)
      const onDisk = (await stat(full)).mode & 0o777
      if ((onDisk & ~modeMask) !== (file.mode & 0o777 & ~modeMask)) return false
      if (!(await readFile(full)).equals(file.data)) return false
    }
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false
    throw error
  }
}

/** `..2026_11_23_19_08_05.` in UTC; mkdtemp adds the rest. */
function versionPrefix(nowMs: number): string {
  const digits = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "_")
  return `..${digits}.`
}

async function writeVersion(version: string, payload: Payload): Promise<void> {
  await chmod(version, 0o755)
  for (const [path, file] of payload) {
    const full = join(version, path)
    if (path.includes("/")) await mkdir(dirname(full), { recursive: true, mode: 0o755 })
    await writeFile(full, file.data, { mode: 0o600 })
    // The mode given to open is subject to the process's umask.
    await chmod(full, file.mode)
  }
}

/** The names that a reader of the volume sees: links into the current version. */
async function linkVisible(directory: string, names: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    try {
      await symlink(posix.join(dataLink, name), join(directory, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
}

async function removeStale(directory: string, visible: ReadonlySet<string>, version: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const keep = name.startsWith("..") ? name === dataLink || name === version : visible.has(name)
    if (!keep) await rm(join(directory, name), { recursive: true, force: true })
  }
}

export interface WriteOptions {
  nowMs: number
  /** Runs on each new version before readers see it: ownership and group permissions. */
  prepare?: (versionDirectory: string) => Promise<void>
  /** Permission bits that `prepare` adds, left out of the comparison with what is on disk. */
  addedMode?: number
}

/**
 * Makes the directory hold exactly the payload, all at once for readers: files go to a fresh hidden directory, and the
 * link `..data` is swapped to it by one rename. Visible names are links through `..data`. Returns whether anything was
 * written. What a crash left half-done is tidied up by the next write.
 */
export async function writeAtomically(directory: string, payload: Payload, options: WriteOptions): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path)
  const visible = new Set([...payload.keys()].map((path) => path.split("/")[0] as string))
  const old = await currentVersion(directory)
  if (old !== undefined && (await isCurrent(join(directory, old), payload, options.addedMode ?? 0))) {
    await linkVisible(directory, visible)
    return false
  }
  const version = await mkdtemp(join(directory, versionPrefix(options.nowMs)))
  const versionName = posix.basename(version)
  await writeVersion(version, payload)
  await options.prepare?.(version)
  const temporary = join(directory, newDataLink)
  await rm(temporary, { force: true })
  await symlink(versionName, temporary)
  await rename(temporary, join(directory, dataLink))
  await linkVisible(directory, visible)
  await removeStale(directory, visible, versionName)
  return true
}
