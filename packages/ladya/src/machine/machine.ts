import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { type Clock, systemClock, waitFor } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { runOk } from "../system/exec.ts"
import type { HostFacts } from "../system/host.ts"
import {
  childrenOf,
  endProcess,
  isAlive,
  outerPid,
  type ProcessRecord,
  pidsInNamespaceOf,
  recordOf,
} from "../system/processes.ts"
import { bootScript, networkScript } from "./boot-script.ts"
import { nodeResolvConf } from "./node-files.ts"
import { pauseBinary } from "./pause.ts"

/** A node's place on the link of its cluster. */
export interface MachineLink {
  /** The bridge on this machine. */
  bridge: string
  /** The bridge's own address: the way out, and where the API server listens. */
  gateway: string
  /** The node's address, without prefix length. */
  address: string
  prefixLength: number
  /** Name of the bridge's side of the veth pair; at most 15 characters. */
  veth: string
}

export interface MachineSpec {
  /** The node's name; its hostname. */
  name: string
  /** The node's data directory: its disk. */
  directory: string
  link: MachineLink
  facts: HostFacts
}

/** The options of nsenter that lead into everything a machine has of its own. */
export function enterArguments(pid: number): string[] {
  return ["-t", String(pid), "-m", "-n", "-u", "-i", "-p"]
}

/**
 * Boots a machine: own pid, mount, network, host-name and IPC namespaces, a private /run, a reaping pid 1, and a veth
 * to the cluster's bridge as eth0. Gives the record of its pid 1. When that process dies, everything in the machine dies.
 */
export async function bootMachine(spec: MachineSpec, clock: Clock = systemClock): Promise<ProcessRecord> {
  await mkdir(`${spec.directory}/bin`, { recursive: true, mode: 0o700 })
  await mkdir(`${spec.directory}/etc`, { recursive: true, mode: 0o755 })
  await mkdir(`${spec.directory}/cni`, { recursive: true, mode: 0o700 })
  await writeFile(`${spec.directory}/bin/pause`, pauseBinary(spec.facts.architecture), { mode: 0o755 })
  await writeFile(`${spec.directory}/etc/resolv.conf`, await nodeResolvConf(spec.link.gateway))
  await writeFile(
    `${spec.directory}/etc/hosts`,
    `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${spec.link.address}\t${spec.name}\n`,
  )
  const child = spawn(
    "unshare",
    [
      ...["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--mount-proc"],
      ...["--propagation", "private", "--kill-child=SIGKILL"],
      ...["sh", "-c", bootScript(spec)],
    ],
    { detached: true, cwd: "/", stdio: ["ignore", "pipe", "pipe"], env: machineEnvironment() },
  )
  await saidReady(child, spec.name)
  const first = childrenOf(child.pid ?? -1)[0]
  const record = first === undefined ? undefined : recordOf(first)
  if (!record) throw new LadyaError(`machine ${spec.name} died while it booted`)
  try {
    await attachLink(spec, record)
    await waitFor(clock, () => isAlive(record), { description: `machine ${spec.name}`, timeoutMs: 1000 })
  } catch (error) {
    await endProcess(record, 0, clock)
    throw error
  }
  return record
}

/** Waits for the boot script's "ready" and lets the child go on without us. */
export function saidReady(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let errors = ""
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      errors += chunk
    })
    child.on("error", (error) => reject(new LadyaError(`cannot run unshare: ${error.message}`)))
    child.on("close", (code) =>
      reject(new LadyaError(`machine ${name} did not boot: exit code ${code}: ${errors.trim()}`)),
    )
    child.stdout?.once("data", () => {
      child.removeAllListeners("close")
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      resolve()
    })
  })
}

async function attachLink(spec: MachineSpec, machine: ProcessRecord): Promise<void> {
  const { link } = spec
  // One process instead of four: starting each costs this one, which is large, some 10 ms.
  const script = [
    "set -e",
    // A veth end of an earlier machine can outlive it for a moment: the kernel takes namespaces down in the background.
    `ip link delete ${link.veth} 2>/dev/null || true`,
    `ip link add ${link.veth} type veth peer name eth0 netns ${machine.pid}`,
    `ip link set ${link.veth} master ${link.bridge} up`,
    `exec nsenter -t ${machine.pid} -n sh -c "$1"`,
  ].join("\n")
  await runOk("sh", ["-c", script, "sh", networkScript(link)])
}

/** What processes of a machine get of the environment: nothing of the person's own. */
export function machineEnvironment(): Record<string, string> {
  return { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" }
}

export interface SpawnInMachineOptions {
  /** Standard output and error are appended to this file. */
  log: string
  env?: Readonly<Record<string, string>>
}

/** Starts a process in a machine that outlives this one; its parent is the machine's pid 1. */
export function spawnInMachine(
  machine: ProcessRecord,
  command: readonly string[],
  options: SpawnInMachineOptions,
): Promise<ProcessRecord> {
  return spawnBeside(machine, ["-m", "-n", "-u", "-i", "-p"], command, options)
}

/** Starts a process in some of the namespaces (options of nsenter) of another; it outlives this one. */
export async function spawnBeside(
  machine: ProcessRecord,
  namespaces: readonly string[],
  command: readonly string[],
  options: SpawnInMachineOptions,
): Promise<ProcessRecord> {
  const script = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null & echo $!'
  const said = await runOk(
    "nsenter",
    ["-t", String(machine.pid), ...namespaces, "sh", "-c", script, "sh", options.log, ...command],
    { env: { ...machineEnvironment(), ...options.env }, cwd: "/" },
  )
  const pid = outerPid(machine.pid, Number(said.trim()))
  const record = pid === undefined ? undefined : recordOf(pid)
  if (!record) {
    throw new LadyaError(`${command[0]} ended at once`, { log: options.log, hint: `see ${options.log}` })
  }
  return record
}

/** Starts a process on this machine itself that outlives this one. */
export function spawnDetached(command: readonly string[], options: SpawnInMachineOptions): ProcessRecord {
  const log = openSync(options.log, "a", 0o600)
  try {
    const child = spawn(command[0] as string, command.slice(1), {
      detached: true,
      cwd: "/",
      stdio: ["ignore", log, log],
      env: { ...machineEnvironment(), ...options.env },
    })
    child.on("error", () => undefined)
    child.unref()
    const record = child.pid === undefined ? undefined : recordOf(child.pid)
    if (!record) throw new LadyaError(`cannot start ${command[0]}`, { log: options.log })
    return record
  } finally {
    closeSync(log)
  }
}

/** Turns a machine off: everything in it is killed. Resolves when all its processes are gone. */
export async function haltMachine(machine: ProcessRecord | undefined, clock: Clock = systemClock): Promise<void> {
  if (!isAlive(machine)) return
  const inside = pidsInNamespaceOf(machine.pid)
    .map(recordOf)
    .filter((record) => record !== undefined)
  await endProcess(machine, 0, clock)
  await waitFor(clock, () => inside.every((record) => !isAlive(record)), {
    description: `the processes of machine ${machine.pid} to end`,
    timeoutMs: 60_000,
    intervalMs: 5,
  })
}
