import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import type { QueuedPod } from "../queue/queued-pod.ts"
import type { ClusterEvent, EventAction, EventResource, Hint } from "./cluster-event.ts"
import type { CycleState } from "./cycle-state.ts"
import type { Refusal, Verdict } from "./verdict.ts"

/** The nodes of the cluster as the cycle sees them. Nothing changes while a cycle runs. */
export interface NodeView {
  /** Spread over the zones, so that any part of the list has nodes of all of them. */
  readonly list: readonly NodeInfo[]
  get(name: string): NodeInfo | undefined
  /** Those with a pod that has affinity or anti-affinity of any sort. */
  withAffinity(): readonly NodeInfo[]
  /** Those with a pod that has required anti-affinity. */
  withRequiredAntiAffinity(): readonly NodeInfo[]
}

/** Which events can unblock a pod that this plugin refused. */
export interface EventInterest {
  readonly resource: EventResource
  readonly actions: readonly EventAction[]
  /** Asked for each pod that waits; `queue` unless told. */
  hint?(pod: PodInfo, event: ClusterEvent): Hint
}

/** What all plugins have. A plugin is a folder with one extension point or a few. */
export interface Plugin {
  /** As upstream spells it. */
  readonly name: string
  /** Events that can unblock a pod this plugin refused; none means that only time can. */
  readonly interests?: readonly EventInterest[]
  /**
   * Its Filter and Score, before scores are normalized, depend on nothing but the node with the pods on it and what stands
   * in `PodInfo.equivalence`: what it said of a node holds for all pods that are alike, until the node changes.
   */
  readonly isLocal?: boolean

  /** Below zero when `a` is to be scheduled before `b`. */
  compare?(a: QueuedPod, b: QueuedPod): number
  /** May keep a pod out of the queue. */
  preEnqueue?(pod: PodInfo): Verdict
  preFilter?(state: CycleState, pod: PodInfo, nodes: NodeView): PreFilterResult
  /** Keeps the PreFilter state right when a pod is thought onto a node … */
  addPod?(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void
  /** … or away from it. */
  removePod?(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Verdict
  postFilter?(state: CycleState, pod: PodInfo, refusals: ReadonlyMap<string, NodeRefusal>): PostFilterResult
  preScore?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): Verdict
  /** From 0 to 100, unless `normalize` brings it there. */
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number
  /** Brings the scores of all nodes between 0 and 100, in place. */
  normalize?(state: CycleState, pod: PodInfo, scores: Float64Array, nodes: readonly NodeInfo[]): void
  reserve?(state: CycleState, pod: PodInfo, node: string): Verdict
  /** Undoes `reserve`; is also called when that failed, and must bear it. */
  unreserve?(state: CycleState, pod: PodInfo, node: string): void
  permit?(state: CycleState, pod: PodInfo, node: string): Verdict
  preBind?(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<Verdict>
  bind?(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<Verdict>
  postBind?(state: CycleState, pod: PodInfo, node: string): void
}

export interface PreFilterResult {
  readonly verdict: Verdict
  /** Only these nodes can fit; all when absent. */
  readonly nodeNames?: ReadonlySet<string>
}

/** Why a node does not fit. */
export interface NodeRefusal extends Refusal {
  readonly plugin: string
}

export interface PostFilterResult {
  /** `ok`: room will be made on the nominated node. */
  readonly verdict: Verdict
  readonly nominatedNodeName?: string
  /** What goes behind the message about the nodes. */
  readonly message?: string
  /** Work that goes on in the background: evictions. */
  readonly work?: () => Promise<void>
}

/** A pod as the API has it. */
export type Pod = corev1.Pod
