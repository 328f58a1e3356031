import { chmod, lchown, lstat, readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import type { corev1 } from "@ladya/api"

const dirBits = 0o2110
const readWriteBits = 0o660
const readOnlyBits = 0o440

/** Whose files a volume's content should be. */
export interface Ownership {
  /** Group of every file: `securityContext.fsGroup`. */
  group?: number
  /** Owner of token files: the one user that all containers run as. */
  user?: number
}

/** What the pod's security contexts say. */
export function ownershipOf(pod: corev1.Pod): Ownership {
  const group = pod.spec?.securityContext?.fsGroup
  const user = commonUser(pod)
  return { ...(group === undefined ? {} : { group }), ...(user === undefined ? {} : { user }) }
}

/** The user that all containers run as, or undefined when they differ or do not say. */
export function commonUser(pod: corev1.Pod): number | undefined {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const users = new Set(all.map((c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser))
  const [user] = users
  return users.size === 1 ? user : undefined
}

/** Permission bits that `applyGroup` adds to files. */
export function addedFileMode(options: { group: number | undefined; readOnly: boolean }): number {
  if (options.group === undefined) return 0
  return options.readOnly ? readOnlyBits : readWriteBits
}

async function own(path: string, group: number, readOnly: boolean): Promise<void> {
  const info = await lstat(path)
  await lchown(path, info.uid, group)
  if (info.isSymbolicLink()) return
  let bits = readOnly ? readOnlyBits : readWriteBits
  if (info.isDirectory()) bits |= dirBits
  await chmod(path, (info.mode & 0o7777) | bits)
}

/**
 * Gives a directory tree to a group, readable (and unless `readOnly` writable) by it; new files inherit the group.
 * Symbolic links are not followed.
 */
export async function applyGroup(directory: string, group: number, options: { readOnly: boolean }): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    await own(join(entry.parentPath, entry.name), group, options.readOnly)
  }
  // The root last: that it is right says that all below is (see hasGroup).
  await own(directory, group, options.readOnly)
}

/** Whether the root directory has the group and bits that applyGroup gives: `fsGroupChangePolicy: OnRootMismatch`. */
export async function hasGroup(directory: string, group: number, options: { readOnly: boolean }): Promise<boolean> {
  const info = await stat(directory)
  const bits = (options.readOnly ? readOnlyBits : readWriteBits) | dirBits
  return info.gid === group && (info.mode & bits) === bits
}
