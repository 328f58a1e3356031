import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"

/** What a control group has used. */
export interface CgroupUsage {
  cpuNanoseconds: number
  memoryBytes: number
  /** Without file cache that could be dropped. */
  workingSetBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
  /** Undefined for no limit. */
  memoryLimitBytes: number | undefined
  processes: number
}

/** Reads control groups by their path below the hierarchies' roots; undefined when a group is not there. */
export interface CgroupReader {
  usage(path: string): Promise<CgroupUsage | undefined>
  /** Some process in the group itself. */
  firstProcess(path: string): Promise<number | undefined>
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8")
  } catch {
    return undefined
  }
}

const numberOf = async (path: string): Promise<number> => Number((await textOf(path))?.trim() ?? 0) || 0

/** The values of a file with a name and a number a line. */
export function flatKeyed(text: string | undefined): Map<string, number> {
  const values = new Map<string, number>()
  for (const line of (text ?? "").split("\n")) {
    const space = line.indexOf(" ")
    if (space > 0) values.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return values
}

/** Limits as large as this mean none: version 1 writes a huge number. */
const noLimit = 2 ** 62

function limitOf(text: string | undefined): number | undefined {
  const value = Number(text?.trim())
  return Number.isFinite(value) && value > 0 && value < noLimit ? value : undefined
}

async function firstLine(path: string): Promise<number | undefined> {
  const pid = Number((await textOf(path))?.split("\n")[0])
  return pid > 0 ? pid : undefined
}

function newReaderV2(mountpoint: string): CgroupReader {
  return {
    async usage(path) {
      const at = join(mountpoint, path)
      const cpu = await textOf(join(at, "cpu.stat"))
      if (cpu === undefined) return undefined
      const [memoryBytes, memoryText, maximum, processes] = await Promise.all([
        numberOf(join(at, "memory.current")),
        textOf(join(at, "memory.stat")),
        textOf(join(at, "memory.max")),
        numberOf(join(at, "pids.current")),
      ])
      const memory = flatKeyed(memoryText)
      return {
        cpuNanoseconds: (flatKeyed(cpu).get("usage_usec") ?? 0) * 1000,
        memoryBytes,
        workingSetBytes: Math.max(memoryBytes - (memory.get("inactive_file") ?? 0), 0),
        rssBytes: memory.get("anon") ?? 0,
        pageFaults: memory.get("pgfault") ?? 0,
        majorPageFaults: memory.get("pgmajfault") ?? 0,
        memoryLimitBytes: limitOf(maximum),
        processes,
      }
    },
    firstProcess: (path) => firstLine(join(mountpoint, path, "cgroup.procs")),
  }
}

function newReaderV1(mountpoint: string): CgroupReader {
  const cpuRoot = ["cpuacct", "cpu,cpuacct"].map((name) => join(mountpoint, name)).find((path) => existsSync(path))
  const cpuacct = cpuRoot ?? join(mountpoint, "cpuacct")
  return {
    async usage(path) {
      const cpu = await textOf(join(cpuacct, path, "cpuacct.usage"))
      if (cpu === undefined) return undefined
      const at = join(mountpoint, "memory", path)
      const [memoryBytes, memoryText, maximum, processes] = await Promise.all([
        numberOf(join(at, "memory.usage_in_bytes")),
        textOf(join(at, "memory.stat")),
        textOf(join(at, "memory.limit_in_bytes")),
        numberOf(join(mountpoint, "pids", path, "pids.current")),
      ])
      const memory = flatKeyed(memoryText)
      return {
        cpuNanoseconds: Number(cpu),
        memoryBytes,
        workingSetBytes: Math.max(memoryBytes - (memory.get("total_inactive_file") ?? 0), 0),
        rssBytes: memory.get("total_rss") ?? 0,
        pageFaults: memory.get("total_pgfault") ?? 0,
        majorPageFaults: memory.get("total_pgmajfault") ?? 0,
        memoryLimitBytes: limitOf(maximum),
        processes,
      }
    },
    firstProcess: (path) => firstLine(join(cpuacct, path, "cgroup.procs")),
  }
}

/** A reader for the version that is mounted. */
export function newCgroupReader(mountpoint = "/sys/fs/cgroup"): CgroupReader {
  return existsSync(join(mountpoint, "cgroup.controllers")) ? newReaderV2(mountpoint) : newReaderV1(mountpoint)
}
