import { type corev1, type discoveryv1, serviceNameLabel } from "@ladya/api"
import { type KubeObject, statusError } from "@ladya/apimachinery"
import type { ResourceTable } from "../resources.ts"
import type { StreamingLookup } from "./lookup.ts"

/** A lookup in the server's own caches. */
export function newStoredLookup(resources: ResourceTable): StreamingLookup {
  const one = async (resource: string, namespace: string, name: string): Promise<KubeObject> => {
    const storage = resources.storage("", resource)
    const entry = await storage.get(storage.keyOf(namespace, name))
    if (!entry) throw statusError.notFound({ group: "", resource }, name)
    return entry.object
  }
  return {
    pod: async (namespace, name) => (await one("pods", namespace, name)) as corev1.Pod,
    node: async (name) => (await one("nodes", "", name)) as corev1.Node,
    service: async (namespace, name) => (await one("services", namespace, name)) as corev1.Service,
    async endpointSlices(namespace, service) {
      const storage = resources.storage("discovery.k8s.io", "endpointslices")
      await storage.fresh()
      const found: discoveryv1.EndpointSlice[] = []
      for (const entry of storage.cache.scan({ namespace, name: undefined })) {
        if (entry.object.metadata.labels?.[serviceNameLabel] !== service) continue
        found.push(entry.object as discoveryv1.EndpointSlice)
      }
      return found
    },
  }
}
