import type { CriClient } from "@ladya/cri"
import type { Clock, Logger } from "@ladya/util"
import type { ImageCollector } from "../images/image-gc.ts"
import type { PodDirectories } from "../pods/directories.ts"
import { type Pod, podUid } from "../pods/pod.ts"
import { labels } from "../runtime/labels.ts"
import { newCgroupReader } from "../server/stats/cgroup.ts"
import { newStatsSampler } from "../server/stats/sampler.ts"
import type { PodSource } from "../server/types.ts"
import { newPodDirectories as newVolumeDirectories } from "../volumes/pod-directories.ts"
import { diskUsage } from "./disk-usage.ts"
import type { PodDiskUse } from "./local-storage.ts"
import { type EvictionDeps, type EvictionManager, newEvictionManager } from "./manager.ts"
import type { PodUsage } from "./ranking.ts"
import { newSignalReader } from "./signals.ts"
import { defaultThresholds, type Thresholds } from "./thresholds.ts"

export interface NodeEvictionDeps extends Pick<EvictionDeps, "evict" | "changed" | "event"> {
  cri: CriClient
  clock: Clock
  log: Logger
  pods: Pick<PodSource, "pods" | "cgroupPath">
  images: ImageCollector
  directories: Pick<PodDirectories, "root" | "logs">
  thresholds?: Thresholds
}

/** The eviction of a node: figures from the kernel and the runtime, images as what is given up first. */
export function newEviction(deps: NodeEvictionDeps): EvictionManager {
  const { cri, clock, pods, directories } = deps
  const sampler = newStatsSampler({ pods, cgroups: newCgroupReader(), clock })
  const volumeDirectories = newVolumeDirectories(directories.root)

  const usage = async (resource: "memory" | "pids"): Promise<PodUsage[]> => {
    const samples = await sampler.pods({ network: false })
    return samples.map(({ pod, sample, containers }) => ({
      pod,
      total: (resource === "memory" ? sample?.usage.workingSetBytes : sample?.usage.processes) ?? 0,
      containers: containers.map(({ name, sample: own }) => ({
        name,
        used: resource === "memory" ? own.usage.workingSetBytes : own.usage.processes,
      })),
    }))
  }

  const diskUse = async (pod: Pod): Promise<PodDiskUse> => {
    const volumes = new Map<string, number>()
    for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
      if (!emptyDir || emptyDir.medium) continue
      const directory = volumeDirectories.volume(podUid(pod), "kubernetes.io/empty-dir", name)
      volumes.set(name, await diskUsage(directory))
    }
    const containers = new Map<string, number>()
    for (const { name } of pod.spec?.containers ?? []) {
      containers.set(name, await diskUsage(`${directories.logs(pod)}/${name}`))
    }
    const layers = await cri.runtime.listContainerStats({ labelSelector: { [labels.podUid]: podUid(pod) } })
    for (const { labels: own, writableLayerBytes } of layers) {
      const name = own[labels.containerName] ?? ""
      containers.set(name, (containers.get(name) ?? 0) + writableLayerBytes)
    }
    return { volumes, containers }
  }

  return newEvictionManager({
    ...deps,
    read: newSignalReader({ nodefs: directories.root, imagefs: () => deps.images.path() }),
    thresholds: deps.thresholds ?? defaultThresholds,
    pods: () => pods.pods(),
    usage,
    diskUse,
    reclaimDisk: () => deps.images.removeUnused(),
  })
}
