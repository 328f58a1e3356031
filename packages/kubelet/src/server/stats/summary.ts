import { formatTime } from "@ladya/apimachinery"
import type { InterfaceStats } from "./network.ts"
import type { FileSystemSample, NodeSample, PodSample, Sample, StatsSampler } from "./sampler.ts"

function cpuOf({ usage, timeMs, nanoCores }: Sample): object {
  return {
    time: formatTime(timeMs),
    ...(nanoCores === undefined ? {} : { usageNanoCores: nanoCores }),
    usageCoreNanoSeconds: usage.cpuNanoseconds,
  }
}

function memoryOf({ usage, timeMs }: Sample): object {
  const limit = usage.memoryLimitBytes
  return {
    time: formatTime(timeMs),
    ...(limit === undefined ? {} : { availableBytes: Math.max(limit - usage.workingSetBytes, 0) }),
    usageBytes: usage.memoryBytes,
    workingSetBytes: usage.workingSetBytes,
    rssBytes: usage.rssBytes,
    pageFaults: usage.pageFaults,
    majorPageFaults: usage.majorPageFaults,
  }
}

function networkOf(interfaces: readonly InterfaceStats[], timeMs: number): object {
  const main = interfaces.find(({ name }) => name === "eth0") ?? interfaces[0]
  return { time: formatTime(timeMs), ...main, interfaces }
}

function fileSystemOf(sample: FileSystemSample, timeMs: number): object {
  return {
    time: formatTime(timeMs),
    availableBytes: sample.availableBytes,
    capacityBytes: sample.capacityBytes,
    usedBytes: sample.capacityBytes - sample.availableBytes,
    inodesFree: sample.inodesFree,
    inodes: sample.inodes,
    inodesUsed: sample.inodes - sample.inodesFree,
  }
}

function podOf({ pod, sample, containers, interfaces }: PodSample): object {
  const { name, namespace, uid } = pod.metadata
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? null,
    containers: containers.map((container) => ({
      name: container.name,
      startTime: container.startedAt ?? null,
      cpu: cpuOf(container.sample),
      memory: memoryOf(container.sample),
    })),
    ...(sample
      ? {
          cpu: cpuOf(sample),
          memory: memoryOf(sample),
          process_stats: { process_count: sample.usage.processes },
        }
      : {}),
    ...(sample && interfaces.length > 0 ? { network: networkOf(interfaces, sample.timeMs) } : {}),
  }
}

export interface SummaryOptions {
  nodeName: string
  bootTimeMs: number
  dataDirectory: string
  /** Only CPU and memory. */
  onlyCpuAndMemory: boolean
}

function nodeOf(node: NodeSample, disk: FileSystemSample, options: SummaryOptions): object {
  const { sample } = node
  return {
    nodeName: options.nodeName,
    startTime: formatTime(options.bootTimeMs),
    cpu: cpuOf(sample),
    memory: memoryOf(sample),
    ...(options.onlyCpuAndMemory
      ? {}
      : {
          network: networkOf(node.interfaces, sample.timeMs),
          fs: fileSystemOf(disk, sample.timeMs),
          runtime: { imageFs: fileSystemOf(disk, sample.timeMs) },
        }),
  }
}

/** What `/stats/summary` answers. */
export async function summary(sampler: StatsSampler, options: SummaryOptions): Promise<object> {
  const [node, disk, pods] = await Promise.all([
    sampler.node(),
    sampler.fileSystem(options.dataDirectory),
    sampler.pods({ network: !options.onlyCpuAndMemory }),
  ])
  return { node: nodeOf(node, disk, options), pods: pods.map(podOf) }
}
