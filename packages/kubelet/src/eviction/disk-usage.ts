import { lstat, opendir } from "node:fs/promises"
import { join } from "node:path"

/** What a directory tree takes on its own file system, in bytes as allocated; other mounts in it are left out. */
export async function diskUsage(root: string): Promise<number> {
  const top = await lstat(root).catch(() => undefined)
  if (!top) return 0
  const seen = new Set<number>()
  let bytes = top.blocks * 512
  const visit = async (directory: string): Promise<void> => {
    // What goes while we look is not there to be counted.
    const entries = await opendir(directory).catch(() => undefined)
    if (!entries) return
    for await (const entry of entries) {
      const path = join(directory, entry.name)
      const info = await lstat(path).catch(() => undefined)
      if (!info || info.dev !== top.dev) continue
      if (info.nlink > 1 && !info.isDirectory()) {
        if (seen.has(info.ino)) continue
        seen.add(info.ino)
      }
      bytes += info.blocks * 512
      if (info.isDirectory()) await visit(path)
    }
  }
  if (top.isDirectory()) await visit(root)
  return bytes
}
