import { existsSync, readFileSync } from "node:fs"
import { readdir, readFile, rm, rmdir } from "node:fs/promises"
import { dirname } from "node:path"
import { inStep, LadyaError } from "../errors.ts"
import { cgroupIdOf, clusterCgroup, pidsInCgroup, removeCgroup } from "../machine/cgroups.ts"
import { clusterLink, hasAnyLink, removeLink } from "../machine/link.ts"
import { haltMachine } from "../machine/machine.ts"
import { run, runOk } from "../system/exec.ts"
import { withLock } from "../system/files.ts"
import { detectHost, type HostFacts } from "../system/host.ts"
import { catchesTerm, endProcess, recordOf } from "../system/processes.ts"
import { restoreSysctls } from "../system/sysctls.ts"
import { contextName } from "./kubeconfig.ts"
import { type ClusterPaths, clusterPaths } from "./paths.ts"
import { type ClusterState, readState, writeState } from "./state.ts"
import { removeFromUserKubeconfig, userKubeconfigPath } from "./user-kubeconfig.ts"

export interface DownOptions {
  name: string
  /** Removes the data too. */
  purge: boolean
  /** Ends the server alone. */
  keepNodes?: boolean
}

/** How long the server and the agents have to finish what they write. */
const graceMs = 5000
/** How long containers have, as on a machine that is shut down. */
const containerGraceMs = 2000

/** Ends a cluster and takes away all that it put on this machine. False when there was none. */
export async function down(options: DownOptions): Promise<boolean> {
  const paths = clusterPaths(options.name)
  if (!existsSync(paths.directory)) {
    await removeFromUserKubeconfig(userKubeconfigPath(), contextName(options.name))
    return false
  }
  await withLock(paths.lock, async () => {
    const state = await readState(paths)
    if (options.keepNodes) {
      if (state) await endServer(paths, state)
      return
    }
    if (state) await end(paths, state)
    if (options.purge) await inStep("remove the cluster's data", () => purge(paths))
    // Last: that file is the person's, and may be broken.
    await removeFromUserKubeconfig(userKubeconfigPath(), contextName(options.name))
  })
  if (options.purge) await removeEmptyHome(dirname(paths.directory))
  return true
}

async function endServer(paths: ClusterPaths, state: ClusterState): Promise<void> {
  await endProcess(state.server, graceMs)
  delete state.server
  await writeState(paths, state)
}

async function end(paths: ClusterPaths, state: ClusterState): Promise<void> {
  const facts = detectHost()
  // The agents first: while the server lives they can say goodbye, and nothing restarts what ends.
  await Promise.all(state.nodes.map((node) => endProcess(node.processes.agent, graceMs)))
  await endContainers(state, facts)
  await Promise.all([
    endProcess(state.server, graceMs),
    ...state.nodes.map((node) => inStep(`end machine ${node.name}`, () => haltMachine(node.processes.machine))),
  ])
  for (const node of state.nodes) {
    await run("ip", ["link", "delete", node.veth])
    node.processes = {}
  }
  await inStep("remove the cluster's link", () => removeLink(paths.directory, clusterLink(state.number)))
  const left = await removeCgroup(clusterCgroup(cgroupIdOf(state)), facts)
  if (left.length > 0) {
    throw new LadyaError(`cgroups are left that still have processes in them: ${left.join(" ")}`, {
      step: "remove the cluster's cgroups",
      hint: `see which: cat ${left[0]}/cgroup.procs`,
    })
  }
  if (!(await hasAnyLink())) await restoreSysctls()
  delete state.server
  await writeState(paths, state)
}

/** Containers that know how to end in good order may: a database writes what it still has in hand. */
async function endContainers(state: ClusterState, facts: HostFacts): Promise<void> {
  const records = pidsInCgroup(clusterCgroup(cgroupIdOf(state)), facts)
    .map(recordOf)
    .filter((record) => record !== undefined)
    .filter(catchesTerm)
  const own = [state.server, ...state.nodes.flatMap(({ processes }) => [processes.machine, processes.containerd])]
  const containers = records.filter(({ pid }) => !own.some((record) => record?.pid === pid) && !isShim(pid))
  await Promise.all(containers.map((record) => endProcess(record, containerGraceMs)))
}

/** A shim that is asked to end would end its containers without asking them. */
function isShim(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("containerd")
  } catch {
    return false
  }
}

async function purge(paths: ClusterPaths): Promise<void> {
  // Nothing of a node is mounted in this namespace; what a person mounted there by hand is let go of, never deleted.
  const mounts = (await readFile("/proc/self/mounts", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => mount.startsWith(`${paths.directory}/`))
  for (const mount of mounts.reverse()) await runOk("umount", [mount])
  await rm(paths.directory, { recursive: true, force: true })
}

/** The home of all clusters goes with the last of them, and with it the packages fetched for images. */
async function removeEmptyHome(home: string): Promise<void> {
  const left = await readdir(home).catch(() => undefined)
  if (left === undefined || left.some((name) => !name.startsWith("."))) return
  if (left.includes(".debs")) await rm(`${home}/.debs`, { recursive: true, force: true })
  // Another cluster may be coming up at this moment: then it is not empty.
  await rmdir(home).catch(() => undefined)
}
