import type { appsv1, autoscalingv1, corev1 } from "@ladya/api"
import { controllerOf, isStatus, type metav1 } from "@ladya/apimachinery"
import type { Client, Informer } from "@ladya/client"
import type { ResourceCatalog } from "../shared/catalog.ts"

interface Caches {
  replicaSets: Informer<appsv1.ReplicaSet>
  deployments: Informer<appsv1.Deployment>
  statefulSets: Informer<appsv1.StatefulSet>
  replicationControllers: Informer<corev1.ReplicationController>
}

/** Finds out how many pods the owners of some pods want. */
export class ExpectedScale {
  readonly #client: Client
  readonly #catalog: ResourceCatalog
  readonly #caches: Caches

  constructor(client: Client, catalog: ResourceCatalog, caches: Caches) {
    this.#client = client
    this.#catalog = catalog
    this.#caches = caches
  }

  async of(pods: readonly corev1.Pod[]): Promise<{ expected: number } | { error: string }> {
    const scales = new Map<string, number>()
    for (const pod of pods) {
      const reference = controllerOf(pod)
      // Bare pods are not counted: nobody says how many there should be.
      if (!reference || scales.has(reference.uid)) continue
      const found = await this.#scaleOf(reference, pod.metadata.namespace ?? "")
      if ("error" in found) return found
      scales.set(found.uid, found.replicas)
      scales.set(reference.uid, found.uid === reference.uid ? found.replicas : 0)
    }
    return { expected: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0) }
  }

  async #scaleOf(
    reference: metav1.OwnerReference,
    namespace: string,
  ): Promise<{ uid: string; replicas: number } | { error: string }> {
    const key = { namespace, name: reference.name }
    if (reference.kind === "ReplicaSet") {
      const replicaSet = this.#caches.replicaSets.get(key)
      const deployment = replicaSet && controllerOf(replicaSet)
      if (deployment?.kind === "Deployment") {
        const found = this.#caches.deployments.get({ namespace, name: deployment.name })
        if (found) return { uid: deployment.uid, replicas: found.spec?.replicas ?? 1 }
      }
      if (replicaSet) return { uid: reference.uid, replicas: replicaSet.spec?.replicas ?? 1 }
    }
    if (reference.kind === "StatefulSet") {
      const found = this.#caches.statefulSets.get(key)
      if (found) return { uid: reference.uid, replicas: found.spec?.replicas ?? 1 }
    }
    if (reference.kind === "ReplicationController") {
      const found = this.#caches.replicationControllers.get(key)
      if (found) return { uid: reference.uid, replicas: found.spec?.replicas ?? 1 }
    }
    return this.#scaleSubresource(reference, namespace)
  }

  /** Whatever else controls pods (a custom resource) tells its number by the `scale` subresource. */
  async #scaleSubresource(
    reference: metav1.OwnerReference,
    namespace: string,
  ): Promise<{ uid: string; replicas: number } | { error: string }> {
    const ref = this.#catalog.resourceOf(reference.apiVersion, reference.kind)
    if (!ref) return { error: `no resource of kind ${reference.kind} in ${reference.apiVersion}` }
    const resource = ref.group ? `${ref.resource}.${ref.group}` : ref.resource
    const unsupported = { error: `${resource} does not implement the scale subresource` }
    try {
      const api = this.#client.resource(ref)
      const scale = await api.getSubresource<autoscalingv1.Scale>(reference.name, "scale", { namespace })
      const replicas = scale.spec?.replicas
      return replicas === undefined ? unsupported : { uid: reference.uid, replicas }
    } catch (error) {
      if (isStatus(error, "NotFound")) return unsupported
      throw error
    }
  }
}
