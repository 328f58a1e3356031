import type { RuntimeService } from "@ladya/cri"
import type { Clock, Logger } from "@ladya/util"
import type { ContainerStarter } from "../../containers/starter.ts"
import type { PodEvents } from "../../events/pod-events.ts"
import type { Killer } from "../../lifecycle/killer.ts"
import type { ProbeManager } from "../../probes/manager.ts"
import type { PodCgroups } from "../../runtime/cgroups.ts"
import type { ResolverFacts } from "../../runtime/dns.ts"
import type { ImagePuller } from "../../runtime/image-puller.ts"
import type { RuntimeCache } from "../../runtime/runtime-cache.ts"
import type { StatusWriter } from "../../status/status-writer.ts"
import type { VolumeManager } from "../../volumes/index.ts"
import type { Rejection } from "../admission/admission.ts"
import type { PodDirectories } from "../directories.ts"
import type { Pod } from "../pod.ts"
import type { ResizePlan } from "../resize/resize.ts"

/** What a pod's worker works with; shared by all workers. */
export interface WorkerDeps {
  runtime: RuntimeService
  cache: RuntimeCache
  starter: ContainerStarter
  puller: ImagePuller
  killer: Killer
  probes: ProbeManager
  status: StatusWriter
  events: PodEvents
  volumes: VolumeManager
  cgroups: PodCgroups
  directories: PodDirectories
  clock: Clock
  log: Logger
  timeText(ms: number): string
  hostIps(): readonly string[]
  resolver(): ResolverFacts
  /** The node's own /etc/hosts, for pods in its network. */
  nodeHosts(): Promise<string>
  /** The runtime's handler for a RuntimeClass; rejects when there is no such class. */
  runtimeHandler(pod: Pod): Promise<string>
  /** Whether the node takes a pod that has not run on it yet. */
  admit(pod: Pod): Rejection | undefined
  /** Whether the node gives a pod the resources it asks for now, in place of those it was granted. */
  resize(asked: Pod, granted: Pod): ResizePlan
  memoryCapacityBytes(): number
  /** Limits how many sandboxes and containers are being made at once. */
  gate: { run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> }
}
