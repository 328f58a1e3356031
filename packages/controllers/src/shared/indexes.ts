import { type corev1, refs } from "@ladya/api"
import { controllerOf, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Informer, InformerFactory } from "@ladya/client"

/** By the uid of the controller. */
export const byController = "controller"
/** What has no controller, by namespace. */
export const orphans = "orphans"
/** Pods by the node they are bound to; "" for none. */
export const byNode = "node"

const ownerIndexers = {
  [byController]: (object: KubeObject): readonly string[] => {
    const uid = controllerOf(object)?.uid
    return uid ? [uid] : []
  },
  [orphans]: (object: KubeObject): readonly string[] => (controllerOf(object) ? [] : [object.metadata.namespace ?? ""]),
}

/** The shared informer of a resource whose objects have controllers. */
export function ownedInformer<T extends KubeObject>(informers: InformerFactory, ref: ResourceRef<T>): Informer<T> {
  return informers.informer(ref, { indexers: ownerIndexers })
}

/** The shared informer of pods, with all indexes. */
export function podInformer(informers: InformerFactory): Informer<corev1.Pod> {
  return informers.informer(refs.pods, {
    indexers: { ...ownerIndexers, [byNode]: (pod) => [pod.spec?.nodeName ?? ""] },
  })
}
