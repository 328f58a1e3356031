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

/** Makes the missing directories of a sub path, refusing to leave the volume through a symbolic link. */
async function makeMissing(root: string, parts: readonly string[], mode: number): Promise<void> {
  let at = root
  for (const part of parts) {
    const next = join(at, part)
    const info = await lstat(next).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined
      throw error
    })
    if (!info) await mkdir(next, { mode }).then(() => undefined)
    const real = await realpath(next)
    if (!isInside(root, real))
      throw new Error(`subpath ${JSON.stringify(real)} not within volume path ${JSON.stringify(root)}`)
    at = real
  }
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
  if (!isInside(root, real))
    throw new Error(`subpath ${JSON.stringify(real)} not within volume path ${JSON.stringify(root)}`)
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
