import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { writeApiVolume } from "../api-volume.ts"
import { defaultFileMode, selectFrom } from "../key-selection.ts"
import { unmountAndRemove } from "../mounts.ts"
import type { ObjectCache } from "../object-cache.ts"
import type { ObjectReference, SetUpResult, VolumePlugin } from "../plugin.ts"

export interface ConfigMapDeps {
  objects: Pick<ObjectCache, "get">
  clock: Clock
}

/** The keys of a ConfigMap as files, kept current. */
export function newConfigMapPlugin(deps: ConfigMapDeps): VolumePlugin<corev1.ConfigMapVolumeSource> {
  const referenceOf = (spec: corev1.ConfigMapVolumeSource, namespace: string): ObjectReference => ({
    resource: "configmaps",
    namespace,
    name: spec.name ?? "",
  })
  return {
    name: "kubernetes.io/configmap",
    spec: (volume) => volume.configMap,
    references: (spec, namespace) => [referenceOf(spec, namespace)],
    async setUp({ pod, spec, directory }, signal): Promise<SetUpResult> {
      const reference = referenceOf(spec, pod.metadata.namespace ?? "")
      const payload = selectFrom(
        await deps.objects.get(reference, signal),
        { kind: "configmap", name: reference.name },
        { items: spec.items, optional: spec.optional, mode: spec.defaultMode ?? defaultFileMode },
      )
      await writeApiVolume(deps.clock, { pod, directory, payload, inMemory: false })
      return { hostPath: directory }
    },
    tearDown: unmountAndRemove,
  }
}
