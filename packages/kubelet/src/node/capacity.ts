import type { MachineFacts } from "./facts.ts"

export type ResourceList = Record<string, string>

/** What is kept back from pods. */
export interface Reserved {
  /** For the system and the agents, in thousandths of a core. */
  cpuMilli: number
  /** For the system and the agents, in bytes. */
  memoryBytes: number
  /** Free memory below which pods are evicted, in bytes: pods cannot have it either. */
  evictionMemoryBytes: number
  /** The part of the disk below whose freedom pods are evicted. */
  evictionDiskFraction: number
}

/** Nothing for the system; 100 MiB and a twentieth of the disk for eviction, as its thresholds are. */
export const defaultReserved: Reserved = {
  cpuMilli: 0,
  memoryBytes: 0,
  evictionMemoryBytes: 100 * 2 ** 20,
  evictionDiskFraction: 0.05,
}

const kibibytes = (bytes: number): string => (bytes === 0 ? "0" : `${Math.floor(bytes / 1024)}Ki`)

const cpuText = (milli: number): string => (milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`)

function hugePageName(kib: number): string {
  if (kib >= 2 ** 20) return `hugepages-${kib / 2 ** 20}Gi`
  return kib >= 1024 ? `hugepages-${kib / 1024}Mi` : `hugepages-${kib}Ki`
}

function hugePageText(bytes: number): string {
  return bytes % 2 ** 20 === 0 && bytes > 0 ? `${bytes / 2 ** 20}Mi` : kibibytes(bytes)
}

/** `Node.status.capacity` and what of it pods may use. */
export function planResources(
  facts: Pick<MachineFacts, "cpus" | "memoryBytes" | "diskBytes" | "hugePages">,
  options: { maxPods: number; reserved: Reserved },
): { capacity: ResourceList; allocatable: ResourceList } {
  const { reserved } = options
  const pods = String(options.maxPods)
  const hugePages = Object.entries(facts.hugePages).map(([kib, bytes]) => [
    hugePageName(Number(kib)),
    hugePageText(bytes),
  ])
  const inHugePages = Object.values(facts.hugePages).reduce((sum, bytes) => sum + bytes, 0)
  const memory = facts.memoryBytes - reserved.memoryBytes - reserved.evictionMemoryBytes - inHugePages
  return {
    capacity: {
      cpu: cpuText(facts.cpus * 1000),
      "ephemeral-storage": kibibytes(facts.diskBytes),
      ...Object.fromEntries(hugePages),
      memory: kibibytes(facts.memoryBytes),
      pods,
    },
    allocatable: {
      cpu: cpuText(Math.max(facts.cpus * 1000 - reserved.cpuMilli, 0)),
      "ephemeral-storage": String(Math.floor(facts.diskBytes * (1 - reserved.evictionDiskFraction))),
      ...Object.fromEntries(hugePages),
      memory: kibibytes(Math.max(memory, 0)),
      pods,
    },
  }
}
