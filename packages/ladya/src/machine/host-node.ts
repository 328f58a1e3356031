import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { readlinkSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { LadyaError } from "../errors.ts"
import { readJson, writeFileAtomic } from "../system/files.ts"
import type { HostFacts } from "../system/host.ts"
import { isAlive, type ProcessRecord, recordOf } from "../system/processes.ts"
import { containerdPaths, isListening, waitForContainerd, writeContainerdConfig } from "./containerd.ts"
import { machineEnvironment, saidReady, spawnBeside } from "./machine.ts"
import { pauseBinary } from "./pause.ts"

/** A node that is this machine itself: only its mounts are its own. */
export interface HostNode {
  /** Holds the mount namespace that containerd, its containers' mounts and the agent share. */
  holder: ProcessRecord
  socket: string
  cniConfigDirectory: string
  ipamDirectory: string
}

interface Saved {
  holder?: ProcessRecord
  containerd?: ProcessRecord
}

const holderScript = (unified: string | undefined): string =>
  [
    "set -e",
    "mount --make-rshared /",
    ...(unified === undefined ? [] : [`umount '${unified}'`]),
    "echo ready",
    'exec "$0" </dev/null >/dev/null 2>&1',
  ].join("\n")

/** The node's short-lived state. */
export function hostNodeRunDirectory(dataDirectory: string): string {
  return `/run/ladya-node-${createHash("sha256").update(dataDirectory).digest("hex").slice(0, 12)}`
}

/**
 * Has a containerd of its own running on this machine, in a mount namespace that outlives agent and containerd alike:
 * what runs is found again by the next of either.
 */
export async function ensureHostNode(options: {
  dataDirectory: string
  certsDirectory: string | undefined
  facts: HostFacts
}): Promise<HostNode> {
  const { dataDirectory, facts } = options
  const runDirectory = hostNodeRunDirectory(dataDirectory)
  const stateFile = `${dataDirectory}/host-node.json`
  const logFile = `${dataDirectory}/containerd.log`
  await mkdir(`${dataDirectory}/bin`, { recursive: true, mode: 0o700 })
  const saved = ((await readJson(stateFile)) ?? {}) as Saved
  const save = (): Promise<void> => writeFileAtomic(stateFile, JSON.stringify(saved), 0o600)
  if (!isAlive(saved.holder)) {
    const pause = `${dataDirectory}/bin/pause`
    await writeFile(pause, pauseBinary(facts.architecture), { mode: 0o755 })
    const child = spawn(
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", holderScript(facts.hybridUnifiedMount), pause],
      { detached: true, cwd: "/", stdio: ["ignore", "pipe", "pipe"], env: machineEnvironment() },
    )
    await saidReady(child, "of this machine")
    const holder = child.pid === undefined ? undefined : recordOf(child.pid)
    if (!holder) throw new LadyaError("the process that holds the node's mounts ended at once")
    saved.holder = holder
    delete saved.containerd
    await save()
  }
  const holder = saved.holder as ProcessRecord
  const paths = containerdPaths(dataDirectory, options.certsDirectory)
  if (!isAlive(saved.containerd) || !(await isListening(paths.socket))) {
    await mkdir(runDirectory, { recursive: true, mode: 0o711 })
    const { config } = await writeContainerdConfig({
      dataDirectory,
      facts,
      stateDirectory: `${runDirectory}/containerd`,
      runtimeDirectory: runDirectory,
      networkNamespacesInState: true,
      certsDirectory: paths.certsDirectory,
    })
    saved.containerd = await spawnBeside(holder, ["-m"], ["containerd", "-c", config], { log: logFile })
    await save()
    await waitForContainerd(paths.socket, saved.containerd)
  }
  return {
    holder,
    socket: paths.socket,
    cniConfigDirectory: paths.cniConfigDirectory,
    ipamDirectory: `${runDirectory}/cni-ipam`,
  }
}

/** Whether this process is in the mount namespace of another. */
export function sharesMounts(other: ProcessRecord): boolean {
  return readlinkSync("/proc/self/ns/mnt") === readlinkSync(`/proc/${other.pid}/ns/mnt`)
}
