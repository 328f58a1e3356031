import type { corev1 } from "@ladya/api"
import { quantityToMilli, quantityToNumber } from "@ladya/apimachinery"
import type { LinuxContainerResources } from "@ladya/cri"
import type { Pod } from "../pods/pod.ts"
import { qosClass } from "../pods/resources.ts"

/** The period of CPU quotas, in microseconds. */
export const cpuPeriodUs = 100_000
const minimumShares = 2
const maximumShares = 262_144
const minimumQuotaUs = 1000

/** CPU shares for thousandths of a core. */
export function cpuShares(milli: number): number {
  if (milli <= 0) return minimumShares
  return Math.min(maximumShares, Math.max(minimumShares, Math.floor((milli * 1024) / 1000)))
}

/** Microseconds of CPU time per period for thousandths of a core; 0 for no limit. */
export function cpuQuota(milli: number): number {
  if (milli <= 0) return 0
  return Math.max(minimumQuotaUs, Math.floor((milli * cpuPeriodUs) / 1000))
}

/** CPU shares to a cgroup v2 weight. */
export function cpuWeight(shares: number): number {
  return 1 + Math.floor(((shares - 2) * 9999) / 262_142)
}

const criticalPriority = 2_000_000_000

/** How ready the kernel is to kill the container: the more it may use beyond its request, the readier. */
export function oomScoreAdj(pod: Pod, container: corev1.Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= criticalPriority) return -997
  switch (qosClass(pod)) {
    case "Guaranteed":
      return -997
    case "BestEffort":
      return 1000
    case "Burstable": {
      const request = container.resources?.requests?.["memory"] ?? container.resources?.limits?.["memory"] ?? "0"
      const share = memoryCapacityBytes > 0 ? Math.floor((1000 * quantityToNumber(request)) / memoryCapacityBytes) : 0
      // Always above Guaranteed (2 keeps it from the node's own processes), always below BestEffort.
      return Math.min(999, Math.max(3, 1000 - share))
    }
  }
}

export interface LinuxResourcesInput {
  pod: Pod
  container: corev1.Container
  memoryCapacityBytes: number
  cgroupVersion: 1 | 2
}

/** A container's requests and limits as the kernel takes them. */
export function linuxResources(input: LinuxResourcesInput): LinuxContainerResources {
  const { limits = {}, requests = {} } = input.container.resources ?? {}
  const limitMilli = quantityToMilli(limits["cpu"] ?? "0")
  const requestMilli = requests["cpu"] !== undefined ? quantityToMilli(requests["cpu"]) : limitMilli
  const memory = quantityToNumber(limits["memory"] ?? "0")
  const quota = cpuQuota(limitMilli)
  const hugepages = Object.entries(limits)
    .filter(([name]) => name.startsWith("hugepages-"))
    .map(([name, text]) => ({ pageSize: pageSizeText(name.slice("hugepages-".length)), limit: quantityToNumber(text) }))
  return {
    cpuShares: cpuShares(requestMilli),
    cpuPeriod: cpuPeriodUs,
    ...(quota > 0 ? { cpuQuota: quota } : {}),
    ...(memory > 0 ? { memoryLimitInBytes: memory } : {}),
    ...(hugepages.length > 0 ? { hugepageLimits: hugepages } : {}),
    oomScoreAdj: oomScoreAdj(input.pod, input.container, input.memoryCapacityBytes),
    // One process over the limit takes the whole container down, as cgroup v1 has it for single-process ones.
    ...(input.cgroupVersion === 2 ? { unified: { "memory.oom.group": "1" } } : {}),
  }
}

/** `2Mi` → `2MB`: how the kernel's files spell a page size. */
function pageSizeText(quantity: string): string {
  const bytes = quantityToNumber(quantity)
  if (bytes >= 1 << 30) return `${bytes / (1 << 30)}GB`
  if (bytes >= 1 << 20) return `${bytes / (1 << 20)}MB`
  return `${bytes / (1 << 10)}KB`
}
