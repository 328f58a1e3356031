import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { type Clock, sleep, systemClock } from "@ladya/util"
import type { HostFacts } from "../system/host.ts"

const root = "/sys/fs/cgroup"

/** What a cluster's cgroup is called after: clusters of one name can be kept in two places, their links never share a number. */
export function cgroupIdOf(cluster: { name: string; number: number }): string {
  return `${cluster.name}.${cluster.number}`
}

/** The cgroup, below each controller's root, that everything of a cluster's nodes is in. */
export function clusterCgroup(cluster: string): string {
  return `/ladya-${cluster}`
}

/** The cgroup that a node's pods are below. */
export function nodeCgroup(cluster: string, node: string): string {
  return `${clusterCgroup(cluster)}/${node}`
}

/** The hierarchies a cgroup can be in: each controller's under v1, the only one under v2. */
function hierarchies(cgroups: HostFacts["cgroups"]): string[] {
  if (cgroups === "v2") return [root]
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${root}/${entry.name}`)
}

/** Under v2, puts a process into a leaf of its cluster's cgroup, so that it leaves the session it was started from. */
export async function adopt(cluster: string, pid: number, facts: Pick<HostFacts, "cgroups">): Promise<void> {
  if (facts.cgroups !== "v2") return
  const leaf = `${root}${clusterCgroup(cluster)}/system`
  await mkdir(leaf, { recursive: true })
  const controllers = (await readFile(`${root}/cgroup.controllers`, "utf8")).trim().split(/\s+/).filter(Boolean)
  for (const directory of [root, `${root}${clusterCgroup(cluster)}`]) {
    for (const controller of controllers) {
      // A controller that is not to be had at this level is left out.
      await writeFile(`${directory}/cgroup.subtree_control`, `+${controller}`).catch(() => undefined)
    }
  }
  await writeFile(`${leaf}/cgroup.procs`, String(pid))
}

/** Removes one cgroup with all below it; false when something in it still lives. */
function removeTree(directory: string): boolean {
  let empty = true
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) empty = removeTree(`${directory}/${entry.name}`) && empty
  }
  if (!empty) return false
  try {
    rmdirSync(directory)
    return true
  } catch {
    return !existsSync(directory)
  }
}

/** Removes a cgroup path from every hierarchy. Killed processes leave theirs a moment late, hence the patience. Gives what is left. */
export async function removeCgroup(
  path: string,
  facts: Pick<HostFacts, "cgroups">,
  clock: Clock = systemClock,
): Promise<string[]> {
  let left = hierarchies(facts.cgroups)
    .map((hierarchy) => `${hierarchy}${path}`)
    .filter((directory) => existsSync(directory))
  for (let attempt = 0; left.length > 0 && attempt < 200; attempt++) {
    if (attempt > 0) await sleep(clock, 25)
    left = left.filter((directory) => existsSync(directory) && !removeTree(directory))
  }
  return left
}

/** Every process in a cgroup and below it, in any hierarchy. */
export function pidsInCgroup(path: string, facts: Pick<HostFacts, "cgroups">): number[] {
  const found = new Set<number>()
  const visit = (directory: string): void => {
    for (const entry of attempt(() => readdirSync(directory, { withFileTypes: true })) ?? []) {
      if (entry.isDirectory()) visit(`${directory}/${entry.name}`)
      else if (entry.name === "cgroup.procs") {
        const text = attempt(() => readFileSync(`${directory}/${entry.name}`, "utf8")) ?? ""
        for (const pid of text.split("\n")) if (pid) found.add(Number(pid))
      }
    }
  }
  for (const hierarchy of hierarchies(facts.cgroups)) visit(`${hierarchy}${path}`)
  return [...found]
}

/** Cgroups come and go while they are read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
