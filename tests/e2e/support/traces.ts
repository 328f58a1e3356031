import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs"

const output = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: "utf8" })

function attempt<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch {
    return undefined
  }
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name))
}

/** The network namespaces that any process is in, and those that are mounted by name. */
export function networkNamespaces(): Set<string> {
  const found = new Set(pids().map((pid) => attempt(() => readlinkSync(`/proc/${pid}/ns/net`)) ?? ""))
  found.delete("")
  return found
}

function cgroupsNamed(pattern: RegExp): string[] {
  const root = "/sys/fs/cgroup"
  const tops = existsSync(`${root}/cgroup.controllers`) ? [root] : readdirSync(root).map((name) => `${root}/${name}`)
  return tops.flatMap((top) =>
    (attempt(() => readdirSync(top)) ?? []).filter((name) => pattern.test(name)).map((name) => `${top}/${name}`),
  )
}

/**
 * What a cluster has left on this machine, as lines that a person can read. Others may be at work on the machine at the
 * same time: only what is by name, path or namespace the cluster's own is counted.
 */
export function traces(cluster: { name: string; directory: string; number: number }): string[] {
  const { name, directory, number } = cluster
  const found: string[] = []
  for (const pid of pids()) {
    const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")) ?? ""
    if (command.includes(directory) && Number(pid) !== process.pid) found.push(`process ${pid}: ${command}`)
    const mounts = attempt(() => readFileSync(`/proc/${pid}/mounts`, "utf8")) ?? ""
    const mount = mounts.split("\n").find((line) => line.includes(directory))
    if (mount !== undefined) found.push(`mount seen by process ${pid}: ${mount}`)
  }
  for (const link of JSON.parse(output("ip", "-j", "link", "show")) as { ifname: string; ifalias?: string }[]) {
    if (new RegExp(`^ladya${number}(n\\d+)?$`).test(link.ifname)) found.push(`link ${link.ifname}`)
  }
  const route = output("ip", "route", "show").match(new RegExp(`^.*172\\.30\\.${number}\\..*$`, "m"))
  if (route) found.push(`route ${route[0]}`)
  for (const table of output("nft", "list", "tables").split("\n")) {
    if (table.includes(`ladya${number}`)) found.push(`nft ${table}`)
  }
  found.push(...cgroupsNamed(new RegExp(`^ladya-${name}(\\.${number})?$`)).map((path) => `cgroup ${path}`))
  return found
}
