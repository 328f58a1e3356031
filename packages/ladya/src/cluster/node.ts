import { mkdir } from "node:fs/promises"
import { inStep } from "../errors.ts"
import { adopt, cgroupIdOf } from "../machine/cgroups.ts"
import { containerdPaths, isListening, waitForContainerd, writeContainerdConfig } from "../machine/containerd.ts"
import type { ClusterLink } from "../machine/link.ts"
import { bootMachine, spawnInMachine } from "../machine/machine.ts"
import type { HostFacts } from "../system/host.ts"
import { endProcess, isAlive } from "../system/processes.ts"
import { selfEnvironment } from "./commands.ts"
import type { ClusterPaths } from "./paths.ts"
import type { NodeState } from "./state.ts"

export interface NodeDeps {
  paths: ClusterPaths
  link: ClusterLink
  facts: HostFacts
  /** Called after every change of `node.processes`, so that nothing that runs is ever forgotten. */
  save: () => Promise<void>
}

/**
 * Has a node's machine and its containerd running: boots what is off, restarts what died, leaves alone what lives.
 * containerd comes back in the machine it was in, where it finds its containers again.
 */
export async function ensureMachine(deps: NodeDeps, node: NodeState): Promise<void> {
  const { paths, link, facts, save } = deps
  const { directory, containerdLog } = paths.node(node.name)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if (!isAlive(node.processes.machine)) {
    await inStep(`boot machine ${node.name}`, async () => {
      const machine = await bootMachine({
        name: node.name,
        directory,
        facts,
        link: { ...link, address: node.address, veth: node.veth },
      })
      node.processes = { machine }
      await save()
      await adopt(cgroupIdOf({ name: paths.name, number: link.number }), machine.pid, facts)
    })
  }
  const { machine } = node.processes
  if (!machine || isAlive(node.processes.containerd)) return
  await inStep(
    `start containerd on ${node.name}`,
    async () => {
      const options = {
        dataDirectory: directory,
        stateDirectory: "/run/containerd",
        runtimeDirectory: "/run",
        networkNamespacesInState: false,
        certsDirectory: paths.certs,
        facts,
      }
      const { config, socket } = await writeContainerdConfig(options)
      const containerd = await spawnInMachine(machine, ["containerd", "-c", config], { log: containerdLog })
      node.processes.containerd = containerd
      await save()
      await adopt(cgroupIdOf({ name: paths.name, number: link.number }), containerd.pid, facts)
      await waitForContainerd(socket, containerd)
    },
    { log: containerdLog, hint: `see why it ended: tail ${containerdLog}` },
  )
}

/** Whether a node's containerd answers; a process that lives but hangs does not. */
export function isContainerdUp(paths: ClusterPaths, node: NodeState): Promise<boolean> {
  return isListening(containerdPaths(paths.node(node.name).directory).socket)
}

/** Has a node's agent running; says whether it had to be started. `restart` when what it was started with has changed. */
export async function ensureAgent(
  deps: NodeDeps,
  node: NodeState,
  command: readonly string[],
  options: { restart: boolean },
): Promise<boolean> {
  const { machine } = node.processes
  if (!machine) throw new Error(`node ${node.name} has no machine`)
  if (options.restart) await endProcess(node.processes.agent, 5000)
  if (isAlive(node.processes.agent)) return false
  const { agentLog } = deps.paths.node(node.name)
  await inStep(
    `start the agent of ${node.name}`,
    async () => {
      node.processes.agent = await spawnInMachine(machine, command, { log: agentLog, env: selfEnvironment })
      await deps.save()
    },
    { log: agentLog },
  )
  return true
}
