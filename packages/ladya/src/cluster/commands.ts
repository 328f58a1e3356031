import { join } from "node:path"
import type { PublicRegistries } from "../images/mirror-hosts.ts"
import { fullImageName } from "../images/names.ts"
import { cgroupIdOf, nodeCgroup } from "../machine/cgroups.ts"
import { containerdPaths, sandboxImage } from "../machine/containerd.ts"
import type { ClusterLink } from "../machine/link.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState, ClusterStore, NodeState } from "./state.ts"

/** This program, as a command line to start it again with. */
export const selfCommand: readonly string[] = [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  // V8 otherwise doubles its young generation under load and never gives it back.
  "--max-semi-space-size=4",
  // The further the heap may grow, the longer V8 waits before it collects: from 2048 on until it is four times what lives.
  `--max-old-space-size=${process.env["LADYA_HEAP_MB"] ?? 1400}`,
  join(import.meta.dirname, "../main.ts"),
]

/** What this program needs of the environment: where its compiled code is kept (main.ts), and how it allocates. */
export const selfEnvironment: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../../../node_modules/.cache/ladya"),
  // Two arenas are enough for the few threads that allocate; more only keep memory.
  MALLOC_ARENA_MAX: "2",
}

/** The command line of a cluster's control plane. */
export function serverCommand(
  paths: ClusterPaths,
  state: ClusterState,
  link: ClusterLink,
  options: { publicRegistries: PublicRegistries; compactAfterSeconds?: number },
): string[] {
  return [
    ...selfCommand,
    "server",
    "--no-node",
    ...["--data-dir", paths.server],
    ...["--listen", `127.0.0.1:${state.apiPort}`],
    ...["--listen", `${link.gateway}:${state.apiPort}`],
    ...["--images", paths.images],
    ...["--registry", `${link.gateway}:${state.registryPort}`],
    ...["--certs-dir", paths.certs],
    ...storeOptions(state.store),
    ...["--public-registries", options.publicRegistries],
    ...(options.compactAfterSeconds === undefined ? [] : ["--compact-after", String(options.compactAfterSeconds)]),
  ]
}

function storeOptions(own: ClusterStore | undefined): string[] {
  if (!own) return []
  const files = Object.entries(own.files) as [string, string][]
  return ["--store", own.store, ...files.flatMap(([name, path]) => [`--store-${name}`, path])]
}

/** The command line of a node's agent, to be run in its machine. */
export function agentCommand(paths: ClusterPaths, state: ClusterState, node: NodeState): string[] {
  const { directory, kubeconfig } = paths.node(node.name)
  return [
    ...selfCommand,
    "agent",
    ...["--kubeconfig", kubeconfig],
    ...["--node-name", node.name],
    ...["--node-ip", node.address],
    ...["--data-dir", directory],
    ...["--containerd", containerdPaths(directory).socket],
    ...["--cgroup-root", nodeCgroup(cgroupIdOf(state), node.name)],
    ...["--certs-dir", paths.certs],
    ...["--preload", sandboxImage, "--preload", fullImageName("busybox")],
  ]
}
