import { readFile, statfs } from "node:fs/promises"
import { memInfoBytes } from "../node/facts.ts"

export type SignalName =
  | "memory.available"
  | "nodefs.available"
  | "nodefs.inodesFree"
  | "imagefs.available"
  | "pid.available"

/** How much of something there is, and how much of it is free. */
export interface Observation {
  available: number
  capacity: number
}

export type Observations = ReadonlyMap<SignalName, Observation>

/** Reads what the eviction looks at. A disk that cannot be read is left out. */
export type SignalReader = () => Promise<Observations>

async function readMemory(): Promise<Observation> {
  const text = await readFile("/proc/meminfo", "utf8")
  const bytes = (name: string): number => memInfoBytes(text, name)
  const capacity = bytes("MemTotal")
  // File cache that is not in use counts as free, as it does for pods.
  const workingSet = Math.max(capacity - bytes("MemFree") - bytes("Inactive(file)"), 0)
  return { available: Math.max(capacity - workingSet, 0), capacity }
}

async function readProcesses(): Promise<Observation> {
  const [load, maximum] = await Promise.all([
    readFile("/proc/loadavg", "utf8"),
    readFile("/proc/sys/kernel/pid_max", "utf8"),
  ])
  const running = Number(/\/(\d+)/.exec(load)?.[1] ?? 0)
  const capacity = Number(maximum)
  return { available: capacity - running, capacity }
}

/** Reads the kernel's figures; `nodefs` is where pods' files are, `imagefs` where images are. */
export function newSignalReader(paths: { nodefs: string; imagefs(): Promise<string> }): SignalReader {
  return async () => {
    const found = new Map<SignalName, Observation>()
    found.set("memory.available", await readMemory())
    found.set("pid.available", await readProcesses())
    const node = await statfs(paths.nodefs).catch(() => undefined)
    if (node) {
      found.set("nodefs.available", { available: node.bavail * node.bsize, capacity: node.blocks * node.bsize })
      // Some file systems make inodes as they are needed and say that they have none.
      if (node.files > 0) found.set("nodefs.inodesFree", { available: node.ffree, capacity: node.files })
    }
    const image = await paths
      .imagefs()
      .then((path) => statfs(path))
      .catch(() => undefined)
    if (image) {
      found.set("imagefs.available", { available: image.bavail * image.bsize, capacity: image.blocks * image.bsize })
    }
    return found
  }
}
