import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

/** The finalizer of each resource that its protection controller takes away again. */
const finalizers: readonly (readonly [group: string, resource: string, finalizer: string])[] = [
  ["", "persistentvolumeclaims", "kubernetes.io/pvc-protection"],
  ["", "persistentvolumes", "kubernetes.io/pv-protection"],
  ["storage.k8s.io", "volumeattributesclasses", "kubernetes.io/vac-protection"],
]

function finalizerFor(attributes: AdmissionAttributes): string | undefined {
  return finalizers.find(([group, resource]) => isAbout(attributes, group, resource))?.[2]
}

/** Claims, volumes and attributes classes do not go while they are used. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: "StorageObjectInUseProtection",
  handles: (attributes) => attributes.operation === "CREATE" && finalizerFor(attributes) !== undefined,
  mutate(attributes) {
    const finalizer = finalizerFor(attributes)
    const { object } = attributes
    if (!object || !finalizer || object.metadata.finalizers?.includes(finalizer)) return
    object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer]
  },
}
