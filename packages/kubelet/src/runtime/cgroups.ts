import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Logger } from "@ladya/util"
import { type Pod, podUid } from "../pods/pod.ts"
import { podLimit, podRequests, type QosClass, qosClass } from "../pods/resources.ts"
import { cpuPeriodUs, cpuQuota, cpuShares, cpuWeight } from "./linux-resources.ts"

/** The control groups that hold the pods of this node: one per pod, below its quality of service. */
export interface PodCgroups {
  readonly version: 1 | 2
  /** The group of a pod, as the runtime takes it for a parent: `/kubepods/burstable/pod<uid>`. */
  pathOf(pod: Pod): string
  /**
   * Makes the pod's group with its limits. With `besides`, the larger limits of both: what a pod may have while its
   * containers go from the one to the other.
   */
  ensure(pod: Pod, besides?: Pod): Promise<void>
  /** The memory that a container of the pod uses now, in bytes; undefined when it cannot be told. */
  memoryUsage(pod: Pod, containerId: string): Promise<number | undefined>
  /** Removes the pod's groups, in every class; what still has processes in it stays. */
  remove(uid: string): Promise<void>
  /** The uids of all pods that have a group. */
  list(): Promise<Set<string>>
  /** Shares the CPU between the classes, by what the pods of this node ask for. */
  balance(pods: readonly Pod[]): Promise<void>
}

export interface PodCgroupsDeps {
  /** The group above all: `/kubepods`, or another where several nodes share one machine. */
  root: string
  log: Logger
  /** Where the hierarchies are mounted; `/sys/fs/cgroup` unless told. */
  mountpoint?: string
}

const classes: readonly QosClass[] = ["Guaranteed", "Burstable", "BestEffort"]
const v1Controllers = ["cpu", "memory", "pids"]
const v2Controllers = ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"]

const classPath = (root: string, qos: QosClass): string =>
  qos === "Guaranteed" ? root : `${root}/${qos.toLowerCase()}`

/** What is written into a pod's group: file names of version 1 and 2. */
export function podLimits(pod: Pod, version: 1 | 2): { controller: string; file: string; value: string }[] {
  const shares = cpuShares(podRequests(pod).get("cpu") ?? 0)
  const quota = cpuQuota(podLimit(pod, "cpu") ?? 0)
  const memory = podLimit(pod, "memory")
  if (version === 2) {
    return [
      { controller: "cpu", file: "cpu.weight", value: String(cpuWeight(shares)) },
      { controller: "cpu", file: "cpu.max", value: `${quota > 0 ? quota : "max"} ${cpuPeriodUs}` },
      { controller: "memory", file: "memory.max", value: memory ? String(memory) : "max" },
    ]
  }
  return [
    { controller: "cpu", file: "cpu.shares", value: String(shares) },
    { controller: "cpu", file: "cpu.cfs_period_us", value: String(cpuPeriodUs) },
    { controller: "cpu", file: "cpu.cfs_quota_us", value: String(quota > 0 ? quota : -1) },
    { controller: "memory", file: "memory.limit_in_bytes", value: String(memory ?? -1) },
  ]
}

/** The larger of two values of a limit's file; `max` and -1 are larger than all. */
function largerLimit(a: string, b: string): string {
  const size = (value: string): number => {
    const number = Number.parseInt(value, 10)
    return Number.isNaN(number) || number < 0 ? Number.POSITIVE_INFINITY : number
  }
  return size(a) >= size(b) ? a : b
}

/** Which version of control groups the runtime uses on this machine. */
export function detectCgroupVersion(mountpoint = "/sys/fs/cgroup"): 1 | 2 {
  return existsSync(join(mountpoint, "cgroup.controllers")) ? 2 : 1
}

export function newPodCgroups({ root, log, mountpoint = "/sys/fs/cgroup" }: PodCgroupsDeps): PodCgroups {
  const version = detectCgroupVersion(mountpoint)
  let ready: Promise<void> | undefined

  const hierarchies = async (): Promise<string[]> => {
    if (version === 2) return [mountpoint]
    const names = await readdir(mountpoint, { withFileTypes: true }).catch(() => [])
    return names
      .filter((entry) => entry.isDirectory() && entry.name !== "unified")
      .map(({ name }) => join(mountpoint, name))
  }
  const directory = (controller: string, path: string): string =>
    version === 2 ? join(mountpoint, path) : join(mountpoint, controller, path)

  async function make(path: string): Promise<void> {
    if (version === 1) {
      for (const controller of v1Controllers) {
        if (existsSync(join(mountpoint, controller))) await mkdir(directory(controller, path), { recursive: true })
      }
      return
    }
    // Each level must hand its controllers down to the next.
    let at = mountpoint
    for (const part of path.split("/").filter(Boolean)) {
      await delegate(at)
      at = join(at, part)
      await mkdir(at, { recursive: true })
    }
    await delegate(at)
  }

  async function delegate(at: string): Promise<void> {
    const available = (await readFile(join(at, "cgroup.controllers"), "utf8").catch(() => "")).trim().split(/\s+/)
    for (const controller of v2Controllers) {
      if (available.includes(controller)) await write(join(at, "cgroup.subtree_control"), `+${controller}`)
    }
  }

  /** A limit that the kernel refuses must not keep a pod from running. */
  async function write(file: string, value: string): Promise<void> {
    try {
      await writeFile(file, value)
    } catch (error) {
      log.debug("a control group file was not written", { file, value, error })
    }
  }

  async function makeClasses(): Promise<void> {
    for (const qos of classes) await make(classPath(root, qos))
    await writeShares(classPath(root, "BestEffort"), cpuShares(0))
  }

  function classesMade(): Promise<void> {
    ready ??= makeClasses().catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }

  const writeShares = (path: string, shares: number): Promise<void> =>
    version === 2
      ? write(join(directory("cpu", path), "cpu.weight"), String(cpuWeight(shares)))
      : write(join(directory("cpu", path), "cpu.shares"), String(shares))

  const pathOf = (pod: Pod): string => `${classPath(root, qosClass(pod))}/pod${podUid(pod)}`

  return {
    version,
    pathOf,
    async ensure(pod, besides) {
      await classesMade()
      const path = pathOf(pod)
      await make(path)
      const others = besides ? podLimits(besides, version) : []
      for (const [index, { controller, file, value }] of podLimits(pod, version).entries()) {
        const other = others[index]?.value ?? value
        await write(join(directory(controller, path), file), largerLimit(value, other))
      }
    },
    async memoryUsage(pod, containerId) {
      const file = version === 2 ? "memory.current" : "memory.usage_in_bytes"
      const path = join(directory("memory", pathOf(pod)), containerId, file)
      const bytes = Number(await readFile(path, "utf8").catch(() => ""))
      return bytes > 0 ? bytes : undefined
    },
    async remove(uid) {
      for (const hierarchy of await hierarchies()) {
        for (const qos of classes) await removeTree(join(hierarchy, classPath(root, qos), `pod${uid}`))
      }
    },
    async list() {
      const uids = new Set<string>()
      for (const hierarchy of await hierarchies()) {
        for (const qos of classes) {
          for (const name of await readdir(join(hierarchy, classPath(root, qos))).catch(() => [])) {
            if (name.startsWith("pod")) uids.add(name.slice("pod".length))
          }
        }
      }
      return uids
    },
    async balance(pods) {
      await classesMade()
      const burstable = pods.filter((pod) => qosClass(pod) === "Burstable")
      const milli = burstable.reduce((sum, pod) => sum + (podRequests(pod).get("cpu") ?? 0), 0)
      await writeShares(classPath(root, "Burstable"), cpuShares(milli))
    },
  }
}

/** Removes a group and those below it, deepest first; says nothing of groups that are busy or gone. */
export async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined)
  if (!entries) return
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name))
  await rmdir(path).catch(() => undefined)
}
