import type { Stats } from "node:fs"
import { mkdir, open, stat } from "node:fs/promises"
import type { corev1 } from "@ladya/api"
import type { SetUpResult, VolumePlugin } from "../plugin.ts"

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

const checks: Record<string, { is(info: Stats): boolean; word: string; create?: (path: string) => Promise<void> }> = {
  Directory: { is: (info) => info.isDirectory(), word: "directory" },
  DirectoryOrCreate: {
    is: (info) => info.isDirectory(),
    word: "directory",
    create: async (path) => {
      await mkdir(path, { recursive: true, mode: 0o755 })
    },
  },
  File: { is: (info) => info.isFile(), word: "file" },
  FileOrCreate: {
    is: (info) => info.isFile(),
    word: "file",
    // Its directory is not made: the API says so.
    create: async (path) => (await open(path, "a", 0o644)).close(),
  },
  Socket: { is: (info) => info.isSocket(), word: "socket file" },
  CharDevice: { is: (info) => info.isCharacterDevice(), word: "character device" },
  BlockDevice: { is: (info) => info.isBlockDevice(), word: "block device" },
}

/** Checks the path against the type, creating it for the `…OrCreate` ones. Symbolic links are followed. */
export async function checkHostPath(path: string, type: string | undefined): Promise<void> {
  if (!type) return
  const check = checks[type]
  if (!check) throw new Error(`${type} is an invalid volume type`)
  const info = await statOrUndefined(path)
  if (!info && check.create) return check.create(path)
  if (!info || !check.is(info)) throw new Error(`hostPath type check failed: ${path} is not a ${check.word}`)
}

/** A path of the node's own file system. Nothing is made below the pod's directory, and nothing is ever removed. */
export function newHostPathPlugin(): VolumePlugin<corev1.HostPathVolumeSource> {
  return {
    name: "kubernetes.io/host-path",
    spec: (volume) => volume.hostPath,
    async setUp({ spec }): Promise<SetUpResult> {
      await checkHostPath(spec.path, spec.type)
      return { hostPath: spec.path }
    },
    tearDown: async () => undefined,
  }
}
