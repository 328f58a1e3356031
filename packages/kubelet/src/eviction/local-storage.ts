import type { corev1 } from "@ladya/api"
import { quantityToNumber } from "@ladya/apimachinery"
import type { Pod } from "../pods/pod.ts"

/** What a pod has on the node's disk, in bytes. */
export interface PodDiskUse {
  /** emptyDir volumes on disk, by name. */
  volumes: ReadonlyMap<string, number>
  /** Writable layer and logs, by container. */
  containers: ReadonlyMap<string, number>
}

const limitOf = (container: corev1.Container): string | undefined => container.resources?.limits?.["ephemeral-storage"]

const isDiskVolume = ({ emptyDir }: corev1.Volume): boolean => emptyDir !== undefined && !emptyDir.medium

/** Whether anything of the pod's disk use is limited: only then it is worth measuring. */
export function hasDiskLimits(pod: Pod): boolean {
  const volumes = pod.spec?.volumes ?? []
  const containers = pod.spec?.containers ?? []
  return volumes.some((volume) => isDiskVolume(volume) && volume.emptyDir?.sizeLimit) || containers.some(limitOf)
}

/** Why the pod must go for what it keeps on disk, as its status says; undefined when it keeps within its limits. */
export function diskLimitExceeded(pod: Pod, use: PodDiskUse): string | undefined {
  const volumes = pod.spec?.volumes ?? []
  for (const volume of volumes.filter(isDiskVolume)) {
    const limit = volume.emptyDir?.sizeLimit
    if (limit && (use.volumes.get(volume.name) ?? 0) > quantityToNumber(limit)) {
      return `Usage of EmptyDir volume ${JSON.stringify(volume.name)} exceeds the limit ${JSON.stringify(limit)}. `
    }
  }
  const containers = pod.spec?.containers ?? []
  const limited = containers.flatMap((container) => limitOf(container) ?? [])
  if (limited.length > 0 && limited.length === containers.length) {
    const most = limited.reduce((sum, limit) => sum + quantityToNumber(limit), 0)
    const total = [...use.volumes.values(), ...use.containers.values()].reduce((sum, bytes) => sum + bytes, 0)
    if (total > most) {
      const text = limited.length === 1 ? limited[0] : String(most)
      return `Pod ephemeral local storage usage exceeds the total limit of containers ${text}. `
    }
  }
  for (const container of containers) {
    const limit = limitOf(container)
    if (limit && (use.containers.get(container.name) ?? 0) > quantityToNumber(limit)) {
      return `Container ${container.name} exceeded its local ephemeral storage limit ${JSON.stringify(limit)}. `
    }
  }
  return undefined
}
