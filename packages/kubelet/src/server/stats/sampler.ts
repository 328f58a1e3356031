import { readFile, statfs } from "node:fs/promises"
import { cpus } from "node:os"
import type { corev1 } from "@ladya/api"
import { type Clock, mapLimit } from "@ladya/util"
import { memInfoBytes } from "../../node/facts.ts"
import type { PodSource } from "../types.ts"
import type { CgroupReader, CgroupUsage } from "./cgroup.ts"
import { type InterfaceStats, readInterfaces } from "./network.ts"

export interface Sample {
  usage: CgroupUsage
  timeMs: number
  /** Since the sample before; undefined for the first. */
  nanoCores: number | undefined
}

export interface ContainerSample {
  name: string
  startedAt: string | undefined
  sample: Sample
}

export interface PodSample {
  pod: corev1.Pod
  sample: Sample | undefined
  containers: readonly ContainerSample[]
  interfaces: readonly InterfaceStats[]
}

export interface FileSystemSample {
  capacityBytes: number
  availableBytes: number
  inodes: number
  inodesFree: number
}

export interface NodeSample {
  sample: Sample
  memoryBytes: number
  interfaces: readonly InterfaceStats[]
}

/** Reads what pods and the node use, straight off the kernel's files. */
export interface StatsSampler {
  node(): Promise<NodeSample>
  pods(options: { network: boolean }): Promise<PodSample[]>
  fileSystem(path: string): Promise<FileSystemSample>
}

/** Rates over less than this say nothing. */
const shortestRateMs = 500
const parallelReads = 8

/** Containers of a pod that run, with the runtime's ids. */
function runningContainers(pod: corev1.Pod): { name: string; id: string; startedAt: string | undefined }[] {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].flatMap((status) => {
    const id = status.containerID?.split("://")[1]
    return id && status.state?.running ? [{ name: status.name, id, startedAt: status.state.running.startedAt }] : []
  })
}

/** CPU time of the whole machine since boot, in nanoseconds. */
async function machineCpu(): Promise<number> {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (await readFile("/proc/stat", "utf8"))
    .split("\n", 1)
    .join("")
    .split(/\s+/)
    .map(Number)
  // In hundredths of a second.
  return (user + nice + system + irq + softirq + steal) * 1e7
}

export function newStatsSampler(deps: {
  pods: Pick<PodSource, "pods" | "cgroupPath">
  cgroups: CgroupReader
  clock: Clock
}): StatsSampler {
  const { clock, cgroups } = deps
  /** By the machine's own empty name. */
  const machine: typeof previous = new Map()
  let previous = new Map<string, { cpuNanoseconds: number; atMs: number; nanoCores: number | undefined }>()

  const sampleOf = (key: string, usage: CgroupUsage, from: typeof previous, seen: typeof previous): Sample => {
    const atMs = clock.monotonic()
    const before = from.get(key)
    const elapsedMs = before ? atMs - before.atMs : 0
    if (before && elapsedMs < shortestRateMs) {
      seen.set(key, before)
      return { usage, timeMs: clock.now(), nanoCores: before.nanoCores }
    }
    const used = before ? usage.cpuNanoseconds - before.cpuNanoseconds : -1
    const nanoCores = before && used >= 0 ? Math.round((used / elapsedMs) * 1000) : undefined
    seen.set(key, { cpuNanoseconds: usage.cpuNanoseconds, atMs, nanoCores })
    return { usage, timeMs: clock.now(), nanoCores }
  }

  const podOf = async (pod: corev1.Pod, network: boolean, seen: typeof previous): Promise<PodSample> => {
    const path = deps.pods.cgroupPath(pod)
    const usage = await cgroups.usage(path)
    const containers: ContainerSample[] = []
    let pid: number | undefined
    for (const { name, id, startedAt } of runningContainers(pod)) {
      const own = await cgroups.usage(`${path}/${id}`)
      if (own) containers.push({ name, startedAt, sample: sampleOf(id, own, previous, seen) })
      if (network) pid ??= await cgroups.firstProcess(`${path}/${id}`)
    }
    const hasOwnNetwork = network && pid !== undefined && !pod.spec?.hostNetwork
    return {
      pod,
      sample: usage && sampleOf(path, usage, previous, seen),
      containers,
      interfaces: hasOwnNetwork ? await readInterfaces(pid as number) : [],
    }
  }

  return {
    async node() {
      const meminfo = await readFile("/proc/meminfo", "utf8")
      const bytes = (name: string): number => memInfoBytes(meminfo, name)
      const memoryBytes = bytes("MemTotal")
      const used = memoryBytes - bytes("MemFree")
      const usage: CgroupUsage = {
        cpuNanoseconds: await machineCpu(),
        memoryBytes: used,
        workingSetBytes: Math.max(used - bytes("Inactive(file)"), 0),
        rssBytes: bytes("AnonPages"),
        pageFaults: 0,
        majorPageFaults: 0,
        memoryLimitBytes: memoryBytes,
        processes: 0,
      }
      const sample = sampleOf("", usage, machine, machine)
      // More than all processors cannot be busy: /proc/stat is coarse.
      const most = cpus().length * 1e9
      const nanoCores = sample.nanoCores === undefined ? undefined : Math.min(sample.nanoCores, most)
      return { sample: { ...sample, nanoCores }, memoryBytes, interfaces: await readInterfaces("self") }
    },

    async pods({ network }) {
      const seen: typeof previous = new Map()
      const samples = await mapLimit(deps.pods.pods(), parallelReads, (pod) => podOf(pod, network, seen))
      // What is gone is forgotten.
      previous = seen
      return samples
    },

    async fileSystem(path) {
      const { bsize, blocks, bavail, files, ffree } = await statfs(path)
      return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail, inodes: files, inodesFree: ffree }
    },
  }
}
