import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { writeApiVolume } from "../api-volume.ts"
import { defaultFileMode, selectFrom } from "../key-selection.ts"
import { unmountAndRemove } from "../mounts.ts"
import type { ObjectCache } from "../object-cache.ts"
import type { ObjectReference, SetUpResult, VolumePlugin } from "../plugin.ts"

export interface SecretDeps {
  objects: Pick<ObjectCache, "get">
  clock: Clock
}

/** The keys of a Secret as files in memory, kept current. */
export function newSecretPlugin(deps: SecretDeps): VolumePlugin<corev1.SecretVolumeSource> {
  const referenceOf = (spec: corev1.SecretVolumeSource, namespace: string): ObjectReference => ({
    resource: "secrets",
    namespace,
    name: spec.secretName ?? "",
  })
  return {
    name: "kubernetes.io/secret",
    spec: (volume) => volume.secret,
    references: (spec, namespace) => [referenceOf(spec, namespace)],
    async setUp({ pod, spec, directory }, signal): Promise<SetUpResult> {
      const reference = referenceOf(spec, pod.metadata.namespace ?? "")
      const payload = selectFrom(
        await deps.objects.get(reference, signal),
        { kind: "secret", name: reference.name },
        { items: spec.items, optional: spec.optional, mode: spec.defaultMode ?? defaultFileMode },
      )
      await writeApiVolume(deps.clock, { pod, directory, payload, inMemory: true })
      return { hostPath: directory }
    },
    tearDown: unmountAndRemove,
  }
}
