import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"

/** The commit that the clone this program runs from is at, read from its Git directory; empty when it is no clone. */
export function sourceCommit(root = join(import.meta.dirname, "../../../..")): string {
  const read = (path: string): string => readFileSync(path, "utf8").trim()
  try {
    const directory = gitDirectory(root, read)
    const head = read(join(directory, "HEAD"))
    const reference = /^ref: (.*)$/.exec(head)?.[1]
    if (reference === undefined) return head
    // A worktree has its own HEAD; branches are the clone's.
    const common = attempt(() => resolve(directory, read(join(directory, "commondir")))) ?? directory
    const loose = attempt(() => read(join(common, reference)))
    if (loose !== undefined) return loose
    const packed = read(join(common, "packed-refs")).split("\n")
    return packed.find((line) => line.endsWith(` ${reference}`))?.split(" ")[0] ?? ""
  } catch {
    return ""
  }
}

function gitDirectory(root: string, read: (path: string) => string): string {
  const path = join(root, ".git")
  const pointer = attempt(() => /^gitdir: (.*)$/.exec(read(path))?.[1])
  return pointer === undefined ? path : resolve(root, pointer)
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
