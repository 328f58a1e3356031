import { refs } from "@ladya/api"
import { newClient } from "@ladya/client"
import { usageOf } from "../system/processes.ts"
import { adminTransport } from "./access.ts"
import { type ClusterPaths, noCluster } from "./paths.ts"
import { type ClusterState, readState } from "./state.ts"

/** What `ladya status -o json` prints. */
export interface ClusterStatus {
  apiServer: string
  /** The server's version; null when it does not answer. */
  version: string | null
  kubeconfig: string
  processes: { name: string; pid: number; rssBytes: number; cpuSeconds: number }[]
  nodes: { name: string; ready: boolean; podCIDR: string; address: string }[]
}

/** How a cluster on this machine is. Throws when there is none. */
export async function clusterStatus(paths: ClusterPaths): Promise<ClusterStatus> {
  const state = await readState(paths)
  if (!state) {
    throw noCluster(paths)
  }
  return {
    apiServer: `https://127.0.0.1:${state.apiPort}`,
    kubeconfig: paths.adminKubeconfig,
    processes: runningProcesses(state),
    ...(await asked(paths, state)),
  }
}

function runningProcesses(state: ClusterState): ClusterStatus["processes"] {
  const records = [
    { name: "server", record: state.server },
    ...state.nodes.flatMap((node) => [
      { name: `${node.name}/agent`, record: node.processes.agent },
      { name: `${node.name}/containerd`, record: node.processes.containerd },
      { name: `${node.name}/init`, record: node.processes.machine },
    ]),
  ]
  return records.flatMap(({ name, record }) => {
    const usage = record && usageOf(record)
    return usage ? [{ name, pid: record.pid, ...usage }] : []
  })
}

/** What the API says; when it does not answer, what is remembered. */
async function asked(paths: ClusterPaths, state: ClusterState): Promise<Pick<ClusterStatus, "version" | "nodes">> {
  const remembered = state.nodes.map(({ name, address }) => ({ name, ready: false, podCIDR: "", address }))
  const transport = await adminTransport(paths, 3000).catch(() => undefined)
  if (!transport) return { version: null, nodes: remembered }
  try {
    const answer = await transport.raw({ method: "GET", path: "/version" })
    const version = (JSON.parse(answer.body.toString()) as { gitVersion?: string }).gitVersion ?? null
    const nodes = await newClient(transport).resource(refs.nodes).list()
    return {
      version,
      nodes: nodes.items.map((node) => ({
        name: node.metadata.name ?? "",
        ready: node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
        podCIDR: node.spec?.podCIDR ?? "",
        address: node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "",
      })),
    }
  } catch {
    return { version: null, nodes: remembered }
  } finally {
    transport.close()
  }
}
