import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { writeApiVolume } from "../api-volume.ts"
import type { Payload, PayloadFile } from "../atomic-writer.ts"
import { defaultFileMode } from "../key-selection.ts"
import { unmountAndRemove } from "../mounts.ts"
import type { SetUpResult, VolumePlugin } from "../plugin.ts"
import { podField } from "./fields.ts"
import { type Allocatable, containerResource } from "./resources.ts"

/** The files that downward API items ask for. */
export function downwardPayload(
  items: readonly corev1.DownwardAPIVolumeFile[] | undefined,
  options: { pod: corev1.Pod; mode: number; allocatable: Allocatable },
): Payload {
  const files = new Map<string, PayloadFile>()
  for (const item of items ?? []) {
    const text = item.fieldRef
      ? podField(options.pod, item.fieldRef.fieldPath)
      : item.resourceFieldRef
        ? containerResource(options.pod, item.resourceFieldRef, options.allocatable)
        : ""
    files.set(item.path, { data: Buffer.from(text, "utf8"), mode: item.mode ?? options.mode })
  }
  return files
}

/** What a pod says of itself as files in memory: names, labels, annotations, resources. */
export function newDownwardApiPlugin(deps: {
  clock: Clock
  allocatable(): Allocatable
}): VolumePlugin<corev1.DownwardAPIVolumeSource> {
  return {
    name: "kubernetes.io/downward-api",
    spec: (volume) => volume.downwardAPI,
    followsPod: true,
    async setUp({ pod, spec, directory }): Promise<SetUpResult> {
      const mode = spec.defaultMode ?? defaultFileMode
      const payload = downwardPayload(spec.items, { pod, mode, allocatable: deps.allocatable() })
      await writeApiVolume(deps.clock, { pod, directory, payload, inMemory: true })
      return { hostPath: directory }
    },
    tearDown: unmountAndRemove,
  }
}
