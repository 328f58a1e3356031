import { execFile } from "node:child_process"
import { lstat, mkdir, readFile, rm } from "node:fs/promises"
import { promisify } from "node:util"

const run = promisify(execFile)

/** One line of mountinfo. */
export interface MountPoint {
  path: string
  fsType: string
  /** `0:42` */
  device: string
}

/** mountinfo writes blanks and backslashes as octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** The mount points of this process's mount namespace, in the order they were made. */
export async function readMounts(): Promise<MountPoint[]> {
  return parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"))
}

export function parseMountInfo(text: string): MountPoint[] {
  const mounts: MountPoint[] = []
  for (const line of text.split("\n")) {
    const fields = line.split(" ")
    const separator = fields.indexOf("-")
    const path = fields[4]
    if (separator < 0 || path === undefined) continue
    mounts.push({ path: unescapeOctal(path), fsType: fields[separator + 1] ?? "", device: fields[2] ?? "" })
  }
  return mounts
}

/** Every mount at or below a directory, the deepest and latest first: the order to unmount in. */
export async function mountsAtOrBelow(directory: string): Promise<MountPoint[]> {
  const inside = (await readMounts()).filter(
    (mount) => mount.path === directory || mount.path.startsWith(`${directory}/`),
  )
  return inside.reverse().sort((a, b) => b.path.length - a.path.length)
}

export async function isMountPoint(directory: string): Promise<boolean> {
  return (await readMounts()).some((mount) => mount.path === directory)
}

async function mountCommand(program: "mount" | "umount", args: readonly string[]): Promise<void> {
  try {
    await run(program, args, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" } })
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string }
    throw new Error((stderr?.trim() || message).replaceAll("\n", " "), { cause: error })
  }
}

/** Mounts a tmpfs unless the directory is a mount already. Without a size the kernel's limit holds: half the memory. */
export async function mountTmpfs(
  directory: string,
  options: { sizeBytes?: number; mode?: string } = {},
): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 })
  if (await isMountPoint(directory)) return
  const flags = [`mode=${options.mode ?? "0755"}`]
  if (options.sizeBytes !== undefined) flags.push(`size=${options.sizeBytes}`)
  await mountCommand("mount", ["-t", "tmpfs", "-o", flags.join(","), "tmpfs", directory])
}

/** Mounts hugetlbfs with this page size, such as `2M`. */
export async function mountHugePages(directory: string, pageSize: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 })
  if (await isMountPoint(directory)) return
  await mountCommand("mount", ["-t", "hugetlbfs", "-o", `pagesize=${pageSize}`, "nodev", directory])
}

/**
 * Bind-mounts `source` on `target`, which must exist. The source is taken literally: `/proc/self/fd/N` of this process
 * must be given with its pid, since another program does the mount.
 */
export async function bindMount(source: string, target: string): Promise<void> {
  await mountCommand("mount", ["--no-canonicalize", "--bind", source, target])
}

/** Unmounts everything at or below a directory. */
export async function unmountAll(directory: string): Promise<void> {
  for (const mount of await mountsAtOrBelow(directory)) {
    await mountCommand("umount", ["--no-canonicalize", mount.path])
  }
}

/**
 * Removes a directory and what is in it. Refuses while anything is mounted at or below it, so that no data of another
 * file system or of the host is ever removed through a mount.
 */
export async function removeTree(directory: string): Promise<void> {
  const [mount] = await mountsAtOrBelow(directory)
  if (mount) throw new Error(`not removing ${directory}: ${mount.path} is mounted`)
  await rm(directory, { recursive: true, force: true })
}

/** Unmounts, then removes. Reading the mounts costs, so they are read again only when something was mounted. */
export async function unmountAndRemove(directory: string): Promise<void> {
  if (!(await exists(directory))) return
  if ((await mountsAtOrBelow(directory)).length === 0) {
    await rm(directory, { recursive: true, force: true })
    return
  }
  await unmountAll(directory)
  await removeTree(directory)
}

export function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
