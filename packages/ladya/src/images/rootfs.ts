import { lstat, readdir, readlink, realpath } from "node:fs/promises"
import { basename, posix } from "node:path"
import { LadyaError } from "../errors.ts"
import { run } from "../system/exec.ts"

/** One entry of an image's file system. Everything belongs to root. */
export type RootfsEntry =
  | { type: "directory"; mode: number }
  | { type: "file"; mode: number; source: string; size: number }
  | { type: "content"; mode: number; content: Buffer }
  | { type: "symlink"; target: string }

/** Directories whose modes are their base's business: never laid over for the sake of a file in them. */
const notImplied = new Set(["tmp", "var/tmp", "root"])

const merged = new Set(["bin", "sbin", "lib", "lib32", "lib64", "libx32"])

/**
 * The file system of an image while it is put together: paths without a leading slash, to what stands there.
 * /bin, /sbin and /lib* are links into /usr, as on Debian itself.
 */
export class Rootfs {
  readonly entries = new Map<string, RootfsEntry>()

  directory(path: string, mode = 0o755): void {
    const key = normalise(path)
    // What a package calls /lib as a directory is a link here.
    if (key === "" || merged.has(key)) return
    this.#parents(key)
    if (this.entries.get(key)?.type !== "directory" || mode !== 0o755)
      this.entries.set(key, { type: "directory", mode })
  }

  content(path: string, content: string | Buffer, mode = 0o644): void {
    this.#put(path, { type: "content", mode, content: Buffer.from(content) })
  }

  symlink(path: string, target: string): void {
    this.#put(path, { type: "symlink", target })
  }

  /** Links like /bin → usr/bin, for an image that starts from nothing. */
  mergedUsr(): void {
    for (const name of ["bin", "sbin", "lib", "lib64"]) {
      this.directory(`usr/${name}`)
      this.entries.set(name, { type: "symlink", target: `usr/${name}` })
    }
  }

  /** Copies a file or a whole directory of this machine; links are kept inside directories and followed at the top. */
  async copy(source: string, path: string): Promise<void> {
    const real = await realpath(source).catch((error: Error) => {
      throw new LadyaError(`cannot copy ${source}: ${error.message}`, { exitCode: 2 })
    })
    const entry = await lstat(real)
    if (entry.isDirectory()) {
      await this.tree(real, path)
      return
    }
    const target = path.endsWith("/") ? `${path}${basename(source)}` : path
    this.#put(target, { type: "file", mode: entry.mode & 0o7777, source: real, size: entry.size })
    await this.libraries(real)
  }

  /** Everything below a directory of this machine. Sockets, pipes and devices are left out. */
  async tree(source: string, path: string): Promise<void> {
    this.directory(path, (await lstat(source)).mode & 0o7777)
    for (const child of await readdir(source)) {
      const from = `${source}/${child}`
      const to = posix.join(path, child)
      const entry = await lstat(from)
      if (entry.isDirectory()) await this.tree(from, to)
      else if (entry.isSymbolicLink()) this.symlink(to, await readlink(from))
      else if (entry.isFile()) {
        this.#put(to, { type: "file", mode: entry.mode & 0o7777, source: from, size: entry.size })
      }
    }
  }

  /** The shared libraries that a binary of this machine loads, and the loader, at their own paths. Nothing for what is no dynamic executable. */
  async libraries(binary: string): Promise<void> {
    for (const library of await sharedLibraries(binary)) {
      const real = await realpath(library)
      const entry = await lstat(real)
      this.#put(library, { type: "file", mode: entry.mode & 0o7777, source: real, size: entry.size })
    }
  }

  #put(path: string, entry: RootfsEntry): void {
    const key = normalise(path)
    if (merged.has(key)) return
    this.#parents(key)
    this.entries.set(key, entry)
  }

  #parents(key: string): void {
    const parts = key.split("/")
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join("/")
      if (!this.entries.has(parent) && !notImplied.has(parent))
        this.entries.set(parent, { type: "directory", mode: 0o755 })
    }
  }
}

function normalise(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, "")
  return merged.has(clean.split("/", 1)[0] as string) && clean.includes("/") ? `usr/${clean}` : clean
}

/** The libraries of a dynamic executable as its own loader finds them; throws when one is missing. */
export async function sharedLibraries(binary: string): Promise<string[]> {
  const result = await run("ldd", [binary])
  if (result.code !== 0) return []
  const missing = /^\s*(\S+) => not found/m.exec(result.stdout)
  if (missing) {
    throw new LadyaError(`${binary} needs ${missing[1]}, which this machine does not have`, {
      hint: "install the package that has it (apt-cache search), or name that package with --deb",
    })
  }
  return result.stdout
    .split("\n")
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined)
}
