import { existsSync, readFileSync } from "node:fs"

/** What this machine is like, found out rather than assumed. */
export interface HostFacts {
  isRoot: boolean
  /** "v2": one unified hierarchy at /sys/fs/cgroup. "v1": a hierarchy per controller, perhaps with an empty unified one beside them. */
  cgroups: "v1" | "v2"
  /** Where a cgroup v2 tree hides among v1 ones; crun refuses to work while it is visible. */
  hybridUnifiedMount: string | undefined
  /** Without it no process may lower its oom_score_adj. */
  hasSysResource: boolean
  /** Where the CNI plugins are; undefined when they are not installed. */
  cniBinDirectory: string | undefined
  /** Whether the kernel can load modules at all. */
  hasModules: boolean
  architecture: "x64" | "arm64"
}

const capSysResource = 24n

export function detectHost(): HostFacts {
  const status = readFileSync("/proc/self/status", "utf8")
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`)
  const cgroups = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1"
  const unified = "/sys/fs/cgroup/unified"
  const mounts = readFileSync("/proc/self/mounts", "utf8")
  return {
    isRoot: process.getuid?.() === 0,
    cgroups,
    hybridUnifiedMount: cgroups === "v1" && mounts.includes(` ${unified} cgroup2 `) ? unified : undefined,
    hasSysResource: ((effective >> capSysResource) & 1n) === 1n,
    cniBinDirectory: ["/usr/lib/cni", "/opt/cni/bin"].find((directory) => existsSync(`${directory}/bridge`)),
    hasModules: existsSync("/proc/modules"),
    architecture: process.arch === "arm64" ? "arm64" : "x64",
  }
}
