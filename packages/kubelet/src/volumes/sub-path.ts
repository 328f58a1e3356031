import { constants } from "node:fs"
import { type FileHandle, lstat, mkdir, open, realpath, stat, writeFile } from "node:fs/promises"
import { dirname, join, relative, sep } from "node:path"
import { bindMount, isMountPoint, removeTree, unmountAll } from "./mounts.ts"

/** Linux's O_PATH, which Node does not name: opens a place in the file system without opening the file. */
const O_PATH = 0o10000000

/** A path below `/proc` that another program can use for the same file while this process holds it open. */
const procPath = (handle: FileHandle): string => `/proc/${process.pid}/fd/${handle.fd}`

function partsOf(subPath: string): string[] {
  if (subPath.startsWith("/")) throw new Error(`subPath ${JSON.stringify(subPath)} must be a relative path`)
  const parts = subPath.split("/").filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) throw new Error(`subPath ${JSON.stringify(subPath)} must not contain ".."`)
  return parts
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root === sep ? sep : root + sep)
}

/**
 * Opens `path`, which is below `root` and free of symbolic links, component by component and following none, so that
 * a container that swaps a directory for a link meanwhile gets an error and not the host's files.
 */
async function openNoFollow(root: string, path: string): Promise<FileHandle> {
  let handle = await open(root, O_PATH | constants.O_NOFOLLOW)
  try {
    for (const part of relative(root, path).split(sep).filter(Boolean)) {
      const next = await open(`/proc/self/fd/${handle.fd}/${part}`, O_PATH | constants.O_NOFOLLOW)
      await handle.close()
      handle = next
      if ((await handle.stat()).isSymbolicLink()) throw new Error(`unexpected symlink found ${path}`)
    }
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Makes the missing directories of a sub path, refusing to leave the volume through a symbolic link. What is missing
 * is made and given the volume's own mode by handle, not by path: a path could lead elsewhere by then.
 */
async function makeMissing(root: string, parts: readonly string[], mode: number): Promise<void> {
  let at = root
  for (const [index, part] of parts.entries()) {
    const next = join(at, part)
    const info = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined
      throw error
    })
    if (!info) return makeAll(root, at, parts.slice(index), mode)
    at = await realpath(next)
    if (!isInside(root, at)) throw notWithin(at, root)
  }
}

async function makeAll(root: string, parent: string, parts: readonly string[], mode: number): Promise<void> {
  let handle = await openNoFollow(root, parent)
  try {
    for (const part of parts) {
      const path = `/proc/self/fd/${handle.fd}/${part}`
      await mkdir(path, { mode })
      const next = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
      await handle.close()
      handle = next
      // mkdir's mode is subject to the umask; the group bit it has inherited stays.
      await handle.chmod((mode & 0o777) | ((await handle.stat()).mode & 0o2000))
    }
  } finally {
    await handle.close()
  }
}

function notWithin(path: string, root: string): Error {
  return new Error(`subpath ${JSON.stringify(path)} not within volume path ${JSON.stringify(root)}`)
}

async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const [a, b] = [await handle.stat({ bigint: true }), await stat(path, { bigint: true })]
  return a.dev === b.dev && a.ino === b.ino
}

/**
 * Bind-mounts the part of a volume that `subPath` names at `target` and returns `target`. Missing directories are made
 * with the volume's own mode. Links inside the volume are followed as long as they stay inside. A mount that is there
 * already is kept when it is still the same file, and replaced otherwise.
 */
export async function prepareSubPath(volume: string, subPath: string, target: string): Promise<string> {
  const root = await realpath(volume)
  const parts = partsOf(subPath)
  const rootInfo = await stat(root)
  if (rootInfo.isDirectory()) await makeMissing(root, parts, rootInfo.mode & 0o7777)
  const real = await realpath(join(root, ...parts))
  if (!isInside(root, real)) throw notWithin(real, root)
  const handle = await openNoFollow(root, real)
  try {
    if (await isMountPoint(target)) {
      if (await isSameFile(handle, target)) return target
      await unmountAll(target)
    }
    const isDirectory = (await handle.stat()).isDirectory()
    // What an earlier start left may be of the other kind, file or directory.
    await removeTree(target)
    await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 })
    if (!isDirectory) await writeFile(target, "", { flag: "a", mode: 0o640 })
    await bindMount(procPath(handle), target)
    return target
  } finally {
    await handle.close()
  }
}
