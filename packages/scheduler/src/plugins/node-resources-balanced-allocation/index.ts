import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip } from "../../framework/verdict.ts"

const share = (used: number, capacity: number): number => Math.min(used / capacity, 1)

/** Prefers nodes on which cpu and memory would be used to the same degree, so that neither is left stranded. */
export function newNodeResourcesBalancedAllocation(): Plugin {
  return {
    name: "NodeResourcesBalancedAllocation",
    isLocal: true,
    preScore: (_, { requests }) => (requests.milliCpu === 0 && requests.memory === 0 ? skip : ok),
    score(_, { requests }, { allocatable, requested }) {
      if (allocatable.milliCpu === 0 || allocatable.memory === 0) return 100
      const cpu = share(requested.milliCpu + requests.milliCpu, allocatable.milliCpu)
      const memory = share(requested.memory + requests.memory, allocatable.memory)
      // For two values the standard deviation is half their distance.
      return Math.floor((1 - Math.abs(cpu - memory) / 2) * 100)
    },
  }
}
