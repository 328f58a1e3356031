import { mkdir } from "node:fs/promises"
import { systemClock } from "@ladya/util"
import type { Progress } from "../cli/output.ts"
import { inStep, LadyaError } from "../errors.ts"
import { ensureBuiltinImages } from "../images/builtin.ts"
import type { PublicRegistries } from "../images/mirror-hosts.ts"
import { ImageStore } from "../images/store.ts"
import { adopt, cgroupIdOf } from "../machine/cgroups.ts"
import { type ClusterLink, ensureLink, nodeAddress } from "../machine/link.ts"
import { haltMachine, spawnDetached } from "../machine/machine.ts"
import { ensurePackages, loadModules, missingPackages } from "../system/debian-packages.ts"
import { withLock } from "../system/files.ts"
import { detectHost, type HostFacts } from "../system/host.ts"
import { endProcess, isAlive } from "../system/processes.ts"
import { raiseSysctls } from "../system/sysctls.ts"
import { adminEntry } from "./access.ts"
import { agentCommand, selfEnvironment, serverCommand } from "./commands.ts"
import { issueIdentities } from "./identities.ts"
import { ensureAgent, ensureMachine, type NodeDeps } from "./node.ts"
import { requireMovedStore } from "./own-store.ts"
import { type ClusterPaths, clusterPaths } from "./paths.ts"
import { findPort } from "./ports.ts"
import { type ClusterState, type ClusterStore, otherStates, readState, writeState } from "./state.ts"
import { mergeIntoUserKubeconfig, userKubeconfigPath } from "./user-kubeconfig.ts"
import { tailOf, waitForDns, waitForNodes, waitForServer } from "./wait.ts"

export interface UpOptions {
  name: string
  /** As many as there are, or one, unless told. */
  nodes?: number
  publicRegistries: PublicRegistries
  /** How old a version of an object may become before the server forgets it; the server's own default unless told. */
  compactAfterSeconds?: number
  /** What keeps the objects; what did before, or the embedded store, unless told. */
  store?: ClusterStore
  progress: Progress
}

export interface UpResult {
  state: ClusterState
  paths: ClusterPaths
}

const maxNodes = 200
/** For the whole machine, wherever clusters are kept. */
const portsLock = "/run/ladya-ports.lock"

/**
 * Brings a cluster up on this machine and returns when every node is Ready and DNS answers. What runs already is left
 * alone; what died is started again.
 */
export async function up(options: UpOptions): Promise<UpResult> {
  const paths = clusterPaths(options.name)
  const { nodes } = options
  if (nodes !== undefined && (!Number.isInteger(nodes) || nodes < 1 || nodes > maxNodes)) {
    throw new LadyaError(`--nodes must be from 1 to ${maxNodes}`, { exitCode: 2 })
  }
  if (process.getuid?.() !== 0) {
    throw new LadyaError("containers, networks and cgroups need root", {
      hint: `run: sudo ${process.argv.slice(2).length > 0 ? `./ladya ${process.argv.slice(2).join(" ")}` : "./ladya up"}`,
    })
  }
  await installPackages(options.progress)
  return await withLock(paths.lock, async () => {
    const facts = detectHost()
    const before = await readState(paths)
    if (before && nodes !== undefined && nodes < before.nodes.length) {
      throw new LadyaError(`the cluster "${options.name}" has ${before.nodes.length} nodes already`, {
        hint: "a node's data would be lost: for fewer, end the cluster with `ladya down --purge` and start it anew",
        exitCode: 2,
      })
    }
    if (options.store) await requireMovedStore(paths, before, options.store)
    await mkdir(paths.logs, { recursive: true, mode: 0o700 })
    const link = await inStep("make the cluster's link", () => ensureLink(paths.directory, before?.number))
    if (before && before.number !== link.number) await endStranded(before)
    // Two clusters that come up at once must not choose the same port.
    const state = await withLock(portsLock, async () => {
      const planned = await planState(options, before, link, await otherStates(paths))
      await writeState(paths, planned)
      return planned
    })
    // Saves are one after another: two nodes booting at once change one file.
    let saved: Promise<void> = Promise.resolve()
    const save = (): Promise<void> => {
      saved = saved.then(() => writeState(paths, state))
      return saved
    }
    await raiseSysctls()
    await startOnFreePort({ paths, state, link, facts, save, options, portMoved: before?.apiPort !== state.apiPort })
    await mergeIntoUserKubeconfig(userKubeconfigPath(), await adminEntry(paths))
    return { state, paths }
  })
}

/** The cluster's bridge is gone and its number taken: what still runs on the old one can reach nothing. */
async function endStranded(state: ClusterState): Promise<void> {
  await endProcess(state.server, 5000)
  for (const node of state.nodes) await haltMachine(node.processes.machine)
}

/** Installs the Debian packages that this machine lacks, and loads kernel modules. */
export async function installPackages(progress: Progress): Promise<void> {
  const missing = await missingPackages()
  if (missing.length > 0) {
    await progress.step(`Debian packages: ${missing.join(" ")}`, (detail) => ensurePackages({ onOutput: detail }))
  }
  await loadModules()
}

async function planState(
  options: UpOptions,
  before: ClusterState | undefined,
  link: ClusterLink,
  others: readonly ClusterState[],
): Promise<ClusterState> {
  const wanted = Math.max(options.nodes ?? before?.nodes.length ?? 1, before?.nodes.length ?? 0)
  const serverLives = isAlive(before?.server)
  const hosts = ["127.0.0.1", link.gateway]
  const fresh = !before || before.number !== link.number
  return {
    version: 1,
    name: options.name,
    number: link.number,
    apiPort:
      serverLives && before
        ? before.apiPort
        : await findPort({
            wanted: before?.apiPort,
            first: 6443,
            hosts,
            reserved: new Set(others.map((other) => other.apiPort)),
          }),
    registryPort:
      serverLives && before
        ? before.registryPort
        : await findPort({ wanted: before?.registryPort, first: 5000, hosts: [link.gateway] }),
    ...(serverLives && before?.server ? { server: before.server } : {}),
    ...storeOf(options, before),
    nodes: Array.from({ length: wanted }, (_, index) => {
      const known = before?.nodes[index]
      return {
        name: known?.name ?? `${options.name}-${index + 1}`,
        address: nodeAddress(link, index + 1),
        veth: `${link.bridge}n${index + 1}`,
        processes: fresh ? {} : (known?.processes ?? {}),
      }
    }),
  }
}

function storeOf(options: UpOptions, before: ClusterState | undefined): { store?: ClusterStore } {
  const store = options.store ?? before?.store
  return store ? { store } : {}
}

interface StartDeps extends NodeDeps {
  state: ClusterState
  facts: HostFacts
  options: UpOptions
  /** The API server listens on another port than the agents know. */
  portMoved: boolean
}

/** Starts everything; once more on another port when some other program took the chosen one in the moment between. */
async function startOnFreePort(deps: StartDeps): Promise<void> {
  const { paths, state, link } = deps
  try {
    await start(deps)
  } catch (error) {
    if (isAlive(state.server) || !tailOf(paths.serverLog).includes("EADDRINUSE")) throw error
    const hosts = ["127.0.0.1", link.gateway]
    state.apiPort = await findPort({ wanted: undefined, first: state.apiPort + 1, hosts })
    state.registryPort = await findPort({ wanted: undefined, first: state.registryPort + 1, hosts: [link.gateway] })
    await start({ ...deps, portMoved: true })
  }
}

async function start(deps: StartDeps): Promise<void> {
  const { paths, state, link, facts, options } = deps
  const { progress } = options
  const store = new ImageStore(paths.images)
  const images = inStep("make the built-in images", () => ensureBuiltinImages(store, facts.architecture))
  const machines = state.nodes.map((node) => ensureMachine(deps, node))
  // Whatever fails first is told; the others' failures are then no news.
  const identities = inStep("issue certificates", () => issueIdentities(paths, state, link))
  const server = identities.then(() => startServer(deps))
  // The agents start while the server does: they wait for it by themselves, and most of their start needs no server.
  const restarted = new Map<string, number>()
  const agents = state.nodes.map(async (node, index) => {
    await Promise.all([server, images, machines[index]])
    const now = systemClock.now()
    if (await ensureAgent(deps, node, agentCommand(paths, state, node), { restart: deps.portMoved })) {
      restarted.set(node.name, now)
    }
  })
  const tasks = Promise.allSettled([images, identities, server, ...machines, ...agents])
  try {
    await progress.step("control plane", async () => {
      await server
      await waitForServer(paths, state)
    })
  } catch (error) {
    // Nothing of this start goes on behind the back of the next.
    await tasks
    throw error
  }
  const count = state.nodes.length
  await progress.step(count === 1 ? "node" : `${count} nodes`, async (detail) => {
    await Promise.all(agents)
    await waitForNodes(paths, state, restarted, detail)
  })
  await progress.step("cluster DNS", () => waitForDns(paths, state))
}

async function startServer(deps: StartDeps): Promise<void> {
  const { paths, state, link, options, facts } = deps
  if (isAlive(state.server)) return
  const command = serverCommand(paths, state, link, options)
  await inStep(
    "start the server",
    async () => {
      state.server = spawnDetached(command, { log: paths.serverLog, env: selfEnvironment })
      await deps.save()
      await adopt(cgroupIdOf(state), state.server.pid, facts)
    },
    { log: paths.serverLog },
  )
}
