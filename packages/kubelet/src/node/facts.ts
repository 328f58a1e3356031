import { readdir, readFile, statfs } from "node:fs/promises"
import { arch, cpus } from "node:os"

/** What the machine is made of, read once at start; sizes in bytes. */
export interface MachineFacts {
  cpus: number
  memoryBytes: number
  swapBytes: number
  /** Bytes in huge pages by page size in KiB. */
  hugePages: Readonly<Record<number, number>>
  /** Of the file system that holds the agent's data. */
  diskBytes: number
  kernelVersion: string
  osImage: string
  machineId: string
  systemUuid: string
  bootId: string
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string
}

async function textOf(...paths: string[]): Promise<string> {
  for (const path of paths) {
    const text = (await readFile(path, "utf8").catch(() => "")).trim()
    if (text) return text
  }
  return ""
}

/** The number behind `name:` in /proc/meminfo, in bytes. */
export function memInfoBytes(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name}:`))
  return Number(/(\d+) kB$/.exec(line ?? "")?.[1] ?? 0) * 1024
}

/** The value of a shell-like assignment, as in os-release. */
export function assignment(text: string, name: string): string | undefined {
  return new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(text)?.[1]
}

async function readHugePages(): Promise<Record<number, number>> {
  const root = "/sys/kernel/mm/hugepages"
  const sizes: Record<number, number> = {}
  for (const name of await readdir(root).catch(() => [])) {
    const kib = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1])
    if (kib) sizes[kib] = Number(await textOf(`${root}/${name}/nr_hugepages`)) * kib * 1024
  }
  return sizes
}

const goArchitectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" }

/** Reads the machine's facts; `dataDirectory` is where pods' files go. */
export async function readMachineFacts(dataDirectory: string): Promise<MachineFacts> {
  const memory = await textOf("/proc/meminfo")
  const disk = await statfs(dataDirectory)
  const machineId = await textOf("/etc/machine-id", "/var/lib/dbus/machine-id")
  return {
    cpus: cpus().length,
    memoryBytes: memInfoBytes(memory, "MemTotal"),
    swapBytes: memInfoBytes(memory, "SwapTotal"),
    hugePages: await readHugePages(),
    diskBytes: disk.blocks * disk.bsize,
    kernelVersion: await textOf("/proc/sys/kernel/osrelease"),
    osImage: assignment(await textOf("/etc/os-release", "/usr/lib/os-release"), "PRETTY_NAME") ?? "Linux",
    machineId,
    systemUuid: (await textOf("/sys/class/dmi/id/product_uuid")) || machineId,
    bootId: await textOf("/proc/sys/kernel/random/boot_id"),
    architecture: goArchitectures[arch()] ?? arch(),
  }
}
