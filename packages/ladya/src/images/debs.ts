import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { mapLimit } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { run, runOk } from "../system/exec.ts"

/** One package as the lists of apt describe it. */
export interface DebianPackage {
  name: string
  version: string
  architecture: string
  /** Alternatives of each dependency, in the order of the package's own preference. */
  depends: string[][]
  provides: string[]
}

/**
 * Only maintainer scripts, service managers and dpkg itself need these; images run none of them.
 * What a package needs at run time through one of these names is asked for with a --deb of its own.
 */
const notNeeded = new Set([
  ...["adduser", "cdebconf", "debconf", "debconf-2.0", "dpkg", "init-system-helpers", "install-info", "lsb-base"],
  ...["passwd", "perl-base:any", "sensible-utils", "ssl-cert", "systemd", "systemd-sysv", "sysvinit-utils", "tar"],
  ...["ucf", "usr-is-merged", "usrmerge", "gcc-12-base"],
])

/** Reads what `apt-cache show` prints. */
export function parsePackages(text: string): DebianPackage[] {
  return text
    .split(/\n\n+/)
    .filter((stanza) => stanza.includes("Package:"))
    .map((stanza) => {
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? ""
      const plain = (relation: string): string => relation.trim().split(/[\s(:]/, 1)[0] as string
      const split = (value: string): string[] => value.split(",").filter((part) => part.trim() !== "")
      return {
        name: field("Package"),
        version: field("Version"),
        architecture: field("Architecture"),
        depends: [...split(field("Pre-Depends")), ...split(field("Depends"))].map((one) => one.split("|").map(plain)),
        provides: split(field("Provides")).map(plain),
      }
    })
}

/** The packages that `wanted` need at run time, themselves included, sorted by name. */
export function planClosure(wanted: readonly string[], known: readonly DebianPackage[]): DebianPackage[] {
  const byName = new Map(known.map((one) => [one.name, one]))
  const providers = new Map<string, DebianPackage>()
  for (const one of known) {
    for (const virtual of one.provides) if (!providers.has(virtual)) providers.set(virtual, one)
  }
  const chosen = new Map<string, DebianPackage>()
  const queue = wanted.map((name) => {
    const found = byName.get(name)
    if (!found) {
      throw new LadyaError(`there is no Debian package "${name}"`, {
        hint: "apt-get update, then look for its name: apt-cache search WORD",
        exitCode: 2,
      })
    }
    return found
  })
  for (let next = queue.pop(); next; next = queue.pop()) {
    if (chosen.has(next.name)) continue
    chosen.set(next.name, next)
    for (const alternatives of next.depends) {
      if (alternatives.some((name) => notNeeded.has(name) || chosen.has(name))) continue
      const choice = alternatives.map((name) => byName.get(name) ?? providers.get(name)).find(Boolean)
      if (choice) queue.push(choice)
    }
  }
  return [...chosen.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Finds what `wanted` need, out of apt's lists. A machine that has no lists yet gets them. */
export async function resolveDebs(wanted: readonly string[]): Promise<DebianPackage[]> {
  const lists = await readdir("/var/lib/apt/lists").catch(() => [])
  if (!lists.some((name) => name.includes("_Packages"))) await run("apt-get", ["update", "-q"])
  for (const name of wanted) {
    if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) {
      throw new LadyaError(`"${name}" is not the name of a Debian package`, { exitCode: 2 })
    }
  }
  const without = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(
    (kind) => `--no-${kind}`,
  )
  const graph = await run("apt-cache", ["depends", "--recurse", ...without, ...wanted])
  if (graph.code !== 0 && /No packages found|Unable to locate/.test(graph.stderr)) planClosure(wanted, [])
  const names = new Set(wanted)
  for (const line of graph.stdout.split("\n")) if (/^[a-z0-9]/.test(line)) names.add(line.trim())
  const shown = await run("apt-cache", ["show", "--no-all-versions", ...names])
  return planClosure(wanted, parsePackages(shown.stdout))
}

const fileNameOf = (one: DebianPackage): string =>
  `${one.name}_${one.version.replaceAll(":", "%3a")}_${one.architecture}.deb`

/** Fetches packages that are not in `cache` yet: from apt's own archive on this machine, or from where apt fetches. Gives their paths. */
export async function fetchDebs(packages: readonly DebianPackage[], cache: string): Promise<string[]> {
  await mkdir(cache, { recursive: true, mode: 0o755 })
  const present = new Set(await readdir(cache))
  const archives = "/var/cache/apt/archives"
  const archived = new Set(await readdir(archives).catch(() => []))
  const missing = packages.filter((one) => !present.has(fileNameOf(one)) && !archived.has(fileNameOf(one)))
  if (missing.length > 0) {
    const directory = await mkdtemp(`${cache}/.fetch-`)
    try {
      const wanted = missing.map((one) => `${one.name}=${one.version}`)
      await runOk("apt-get", ["download", "-q", ...wanted], { cwd: directory })
      for (const file of await readdir(directory)) await rename(`${directory}/${file}`, `${cache}/${file}`)
    } catch (error) {
      throw new LadyaError(`cannot fetch Debian packages: ${error instanceof Error ? error.message : error}`, {
        hint: "check that apt works (apt-get update), or put the .deb files into /var/cache/apt/archives",
      })
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }
  return packages.map((one) => `${archived.has(fileNameOf(one)) ? archives : cache}/${fileNameOf(one)}`)
}

/** Unpacks packages over each other into a directory. No maintainer script runs. */
export async function unpackDebs(files: readonly string[], directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await mapLimit(files, 2, (file) => runOk("dpkg-deb", ["--extract", file, directory]))
}
