import { readlinkSync } from "node:fs"
import { rm } from "node:fs/promises"
import { removeNetwork } from "@ladya/network"
import { removeProxy } from "@ladya/proxy"
import { run } from "../system/exec.ts"
import { readJson } from "../system/files.ts"
import type { HostFacts } from "../system/host.ts"
import { allPids, endProcess, isAlive, type ProcessRecord, recordOf } from "../system/processes.ts"
import { pidsInCgroup, removeCgroup } from "./cgroups.ts"
import { hostNodeRunDirectory } from "./host-node.ts"

function mountNamespace(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`)
  } catch {
    return undefined
  }
}

/**
 * Ends a node that is this machine itself: agent, containerd, every container; and takes its links, rules and cgroups
 * away. The data stays.
 */
export async function endHostNode(options: {
  dataDirectory: string
  cgroupRoot: string
  facts: HostFacts
}): Promise<void> {
  const { dataDirectory, cgroupRoot, facts } = options
  const stateFile = `${dataDirectory}/host-node.json`
  const saved = ((await readJson(stateFile)) ?? {}) as { holder?: ProcessRecord }
  const { holder } = saved
  const own = holder && isAlive(holder) ? mountNamespace(holder.pid) : undefined
  const beside = own === undefined ? [] : allPids().filter((pid) => pid !== process.pid && mountNamespace(pid) === own)
  const records = [...beside, ...pidsInCgroup(cgroupRoot, facts)].map(recordOf).filter((record) => record !== undefined)
  await Promise.all(records.map((record) => endProcess(record, 0)))
  await removeProxy().catch(() => undefined)
  await removeNetwork().catch(() => undefined)
  await run("ip", ["link", "delete", "cni0"])
  await removeCgroup(cgroupRoot, facts)
  await rm(hostNodeRunDirectory(dataDirectory), { recursive: true, force: true })
  await rm(stateFile, { force: true })
}
