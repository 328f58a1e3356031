import { mkdir, readdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { StoreTlsFiles } from "../daemon/store.ts"
import { clusterOwners } from "../machine/link.ts"
import { readJson, writeFileAtomic } from "../system/files.ts"
import type { ProcessRecord } from "../system/processes.ts"
import type { ClusterPaths } from "./paths.ts"

export interface NodeProcesses {
  /** Pid 1 of the node's machine. */
  machine?: ProcessRecord
  containerd?: ProcessRecord
  agent?: ProcessRecord
}

export interface NodeState {
  name: string
  address: string
  veth: string
  processes: NodeProcesses
}

/** A store as the server's options name it. */
export interface ClusterStore {
  store: string
  files: StoreTlsFiles
}

/** What is remembered of a cluster between two commands. */
export interface ClusterState {
  version: 1
  name: string
  /** N of `ladya<N>` and `172.30.<N>.0/24`. */
  number: number
  apiPort: number
  registryPort: number
  server?: ProcessRecord
  /** What keeps its objects; the embedded store in its own directory unless told. */
  store?: ClusterStore
  nodes: NodeState[]
}

/** The cluster's state; undefined when there is none. */
export async function readState(paths: ClusterPaths): Promise<ClusterState | undefined> {
  return (await readJson(paths.state)) as ClusterState | undefined
}

export async function writeState(paths: ClusterPaths, state: ClusterState): Promise<void> {
  await mkdir(paths.directory, { recursive: true, mode: 0o700 })
  await writeFileAtomic(paths.state, `${JSON.stringify(state, undefined, 2)}\n`, 0o600)
}

/** The states of all other clusters of this machine: those beside this one, and those that are on, wherever they are kept. */
export async function otherStates(paths: ClusterPaths): Promise<ClusterState[]> {
  const home = dirname(paths.directory)
  const beside = (await readdir(home).catch(() => [])).filter((name) => !name.startsWith("."))
  const directories = new Set([...beside.map((name) => join(home, name)), ...(await clusterOwners())])
  directories.delete(paths.directory)
  const states = await Promise.all(
    [...directories].map((directory) => readJson(join(directory, "cluster.json")).catch(() => undefined)),
  )
  return states.filter((state) => state !== undefined) as ClusterState[]
}
