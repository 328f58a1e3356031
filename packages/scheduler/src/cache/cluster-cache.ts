import type { corev1 } from "@ladya/api"
import type { NodeView } from "../framework/plugin.ts"
import { Topology } from "../topology/index.ts"
import { NodeInfo } from "./node-info.ts"
import { PodInfo } from "./pod-info.ts"

const zoneLabel = "topology.kubernetes.io/zone"
const regionLabel = "topology.kubernetes.io/region"

function zoneOf(node: corev1.Node): string {
  const labels = node.metadata.labels
  return `${labels?.[regionLabel] ?? ""}/${labels?.[zoneLabel] ?? ""}`
}

interface Placed {
  pod: PodInfo
  nodeName: string
  /** Decided here, not yet seen from the API. */
  assumed: boolean
}

/**
 * Nodes with the pods on them, kept up to date change by change. Scheduling runs on it directly: a cycle is
 * synchronous, so nothing changes under it. A pod that was given a node is assumed to be there until the API says so.
 */
export class ClusterCache implements NodeView {
  readonly #nodes = new Map<string, NodeInfo>()
  readonly #pods = new Map<string, Placed>()
  /** Pods on nodes that are not known (yet). */
  readonly #orphans = new Map<string, Set<string>>()
  readonly #withAffinity = new Set<NodeInfo>()
  readonly #withRequiredAntiAffinity = new Set<NodeInfo>()
  /** How many nodes have an image, by name. */
  readonly #imageNodes = new Map<string, number>()
  /** Numbers that the nodes' slots have had and have no more. */
  readonly #freeSlots: number[] = []
  #list: readonly NodeInfo[] | undefined
  readonly topology = new Topology(this.#nodes)

  get list(): readonly NodeInfo[] {
    this.#list ??= this.#interleave()
    return this.#list
  }

  get(name: string): NodeInfo | undefined {
    return this.#nodes.get(name)
  }

  withAffinity(): readonly NodeInfo[] {
    return [...this.#withAffinity]
  }

  withRequiredAntiAffinity(): readonly NodeInfo[] {
    return [...this.#withRequiredAntiAffinity]
  }

  /** How many nodes have this image. */
  nodesWithImage(name: string): number {
    return this.#imageNodes.get(name) ?? 0
  }

  setNode(node: corev1.Node): void {
    const name = node.metadata.name ?? ""
    const known = this.#nodes.get(name)
    if (known) {
      if (zoneOf(known.node) !== zoneOf(node)) this.#list = undefined
      this.#countImages(known, -1)
      const before = known.node
      known.setNode(node)
      this.topology.nodeChanged(known, before)
      this.#countImages(known, 1)
      return
    }
    const info = new NodeInfo(node, this.#freeSlots.pop() ?? this.#nodes.size)
    this.#nodes.set(name, info)
    this.#list = undefined
    this.#countImages(info, 1)
    for (const uid of this.#orphans.get(name) ?? []) {
      const placed = this.#pods.get(uid)
      if (placed) info.addPod(placed.pod)
    }
    this.#orphans.delete(name)
    this.#classify(info)
    this.topology.nodeAdded(info)
  }

  /** The pods of a removed node are kept: the node may come back before they go. */
  removeNode(name: string): void {
    const info = this.#nodes.get(name)
    if (!info) return
    this.topology.nodeRemoved(info)
    this.#nodes.delete(name)
    this.#freeSlots.push(info.slot)
    this.#withAffinity.delete(info)
    this.#withRequiredAntiAffinity.delete(info)
    this.#list = undefined
    this.#countImages(info, -1)
    if (info.pods.size > 0) this.#orphans.set(name, new Set(info.pods.keys()))
  }

  /** A pod that the API shows on a node; takes the place of an assumed one. */
  setPod(pod: corev1.Pod): void {
    const info = new PodInfo(pod)
    this.#remove(info.uid)
    this.#place(info, pod.spec?.nodeName ?? "", false)
  }

  removePod(uid: string): void {
    this.#remove(uid)
  }

  /** Takes the pod for placed on the node from now on. */
  assume(pod: PodInfo, nodeName: string): void {
    this.#remove(pod.uid)
    this.#place(pod, nodeName, true)
  }

  /** Takes an assumption back; a pod that the API has shown on its node stays. */
  forget(uid: string): void {
    if (this.#pods.get(uid)?.assumed) this.#remove(uid)
  }

  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.assumed ?? false
  }

  /** Where the pod is or is assumed to be. */
  nodeOf(uid: string): string | undefined {
    return this.#pods.get(uid)?.nodeName
  }

  podOf(uid: string): PodInfo | undefined {
    return this.#pods.get(uid)?.pod
  }

  get podCount(): number {
    return this.#pods.size
  }

  #place(pod: PodInfo, nodeName: string, assumed: boolean): void {
    this.#pods.set(pod.uid, { pod, nodeName, assumed })
    const node = this.#nodes.get(nodeName)
    if (node) {
      node.addPod(pod)
      this.topology.podAdded(pod, node)
      if (pod.hasAffinity) this.#classify(node)
      return
    }
    const waiting = this.#orphans.get(nodeName) ?? new Set<string>()
    waiting.add(pod.uid)
    this.#orphans.set(nodeName, waiting)
  }

  #remove(uid: string): void {
    const placed = this.#pods.get(uid)
    if (!placed) return
    this.#pods.delete(uid)
    const node = this.#nodes.get(placed.nodeName)
    if (node) {
      node.removePod(uid)
      this.topology.podRemoved(placed.pod, node)
      if (placed.pod.hasAffinity) this.#classify(node)
      return
    }
    const waiting = this.#orphans.get(placed.nodeName)
    waiting?.delete(uid)
    if (waiting?.size === 0) this.#orphans.delete(placed.nodeName)
  }

  #classify(node: NodeInfo): void {
    if (node.podsWithAffinity.size > 0) this.#withAffinity.add(node)
    else this.#withAffinity.delete(node)
    if (node.podsWithRequiredAntiAffinity.size > 0) this.#withRequiredAntiAffinity.add(node)
    else this.#withRequiredAntiAffinity.delete(node)
  }

  #countImages(node: NodeInfo, sign: 1 | -1): void {
    for (const name of node.images.keys()) {
      const count = (this.#imageNodes.get(name) ?? 0) + sign
      if (count > 0) this.#imageNodes.set(name, count)
      else this.#imageNodes.delete(name)
    }
  }

  // One node of each zone in turn, so that looking at a part of the list looks at all zones.
  #interleave(): readonly NodeInfo[] {
    const zones = new Map<string, NodeInfo[]>()
    for (const info of this.#nodes.values()) {
      const zone = zoneOf(info.node)
      const members = zones.get(zone)
      if (members) members.push(info)
      else zones.set(zone, [info])
    }
    const lists = [...zones.values()]
    if (lists.length === 1) return lists[0] ?? []
    const result: NodeInfo[] = []
    for (let index = 0; result.length < this.#nodes.size; index++) {
      for (const members of lists) {
        const info = members[index]
        if (info) result.push(info)
      }
    }
    return result
  }
}
