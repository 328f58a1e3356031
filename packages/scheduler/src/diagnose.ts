import type { corev1 } from "@ladya/api"
import type { Client } from "@ladya/client"
import type { Clock, Logger } from "@ladya/util"
import { ClusterCache } from "./cache/cluster-cache.ts"
import { PodInfo } from "./cache/pod-info.ts"
import { defaultSchedulerConfig } from "./config.ts"
import { deviceViewOf } from "./devices/view.ts"
import { CycleState } from "./framework/cycle-state.ts"
import { Framework, type Nominations } from "./framework/framework.ts"
import type { PluginHandle } from "./framework/handle.ts"
import { plugins as builtIn } from "./plugins/registry.ts"
import { storageViewOf } from "./storage/view.ts"

/** What a pod is told by one node, or by the cluster as a whole. */
export interface PlacementVerdict {
  /** The first plugin that refuses; undefined when the pod fits. */
  readonly plugin?: string
  readonly reasons: readonly string[]
}

export interface Placement {
  /** Set when a plugin refuses the pod before any node is looked at. */
  readonly pod?: PlacementVerdict
  /** One for each node, in the order of their names. */
  readonly nodes: readonly (PlacementVerdict & { readonly node: string })[]
}

export interface DiagnoseDeps {
  client: Client
  clock: Clock
  log: Logger
}

export interface ClusterObjects {
  nodes: readonly corev1.Node[]
  pods: readonly corev1.Pod[]
  namespaces: readonly corev1.Namespace[]
  /** Claims, volumes and classes; none unless told. */
  storage?: Parameters<typeof storageViewOf>[0]
  /** Device claims, slices and classes; none unless told. */
  devices?: Parameters<typeof deviceViewOf>[0]
}

const noNominations: Nominations = { on: () => [] }

/** Runs the scheduler's own plugins for one pod on every node, and changes nothing. */
export function diagnosePlacement(deps: DiagnoseDeps, cluster: ClusterObjects, pod: corev1.Pod): Placement {
  const cache = new ClusterCache()
  for (const node of cluster.nodes) cache.setNode(node)
  for (const other of cluster.pods) {
    const ended = other.status?.phase === "Succeeded" || other.status?.phase === "Failed"
    if (other.spec?.nodeName && !ended) cache.setPod(other)
  }
  const labels = new Map(cluster.namespaces.map(({ metadata }) => [metadata.name ?? "", metadata.labels ?? {}]))
  const handle: PluginHandle = {
    ...deps,
    cache,
    config: defaultSchedulerConfig,
    namespaceLabels: (name) => labels.get(name),
    storage: storageViewOf(cluster.storage ?? {}),
    devices: deviceViewOf(cluster.devices ?? {}),
    args: () => ({}),
  }
  const framework = new Framework(
    builtIn.map(({ create, weight }) => ({ plugin: create(handle), weight: weight ?? 1 })),
  )
  const info = new PodInfo(pod)
  for (const plugin of framework.plugins) {
    const verdict = plugin.preEnqueue?.(info)
    if (verdict && "reasons" in verdict) return { pod: { plugin: plugin.name, reasons: verdict.reasons }, nodes: [] }
  }
  const state = new CycleState()
  const { refusal, nodeNames, narrowedBy } = framework.preFilter(state, info, cache)
  if (refusal) return { pod: { plugin: refusal.plugin, reasons: refusal.reasons }, nodes: [] }
  const outside = { plugin: [...narrowedBy].join(", "), reasons: ["node(s) the pod does not ask for"] }
  const nodes = cache.list.map((node) => {
    if (nodeNames && !nodeNames.has(node.name)) return { node: node.name, ...outside }
    const found = framework.filterWithNominated(state, info, node, noNominations)
    return found ? { node: node.name, plugin: found.plugin, reasons: found.reasons } : { node: node.name, reasons: [] }
  })
  return { nodes: nodes.toSorted((a, b) => (a.node < b.node ? -1 : 1)) }
}
