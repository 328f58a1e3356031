import type { corev1 } from "@ladya/api"
import type { ObjectCache, ReferencedObject } from "../object-cache.ts"

/** ConfigMaps and Secrets in memory, for tests of plugins without an API. */
export function newMemoryObjects(
  initial: readonly ReferencedObject[] = [],
): Pick<ObjectCache, "get"> & { set(object: ReferencedObject): void; delete(object: ReferencedObject): void } {
  const resources = { ConfigMap: "configmaps", Secret: "secrets" } as const
  const keyOf = (object: ReferencedObject): string =>
    `${resources[object.kind]}/${object.metadata.namespace}/${object.metadata.name}`
  const objects = new Map(initial.map((object) => [keyOf(object), object]))
  return {
    get: async ({ resource, namespace, name }) => objects.get(`${resource}/${namespace}/${name}`),
    set: (object) => void objects.set(keyOf(object), object),
    delete: (object) => void objects.delete(keyOf(object)),
  }
}

export function configMap(name: string, data: Record<string, string>): corev1.ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data }
}

/** `data` is plain text; it is encoded here. */
export function secret(name: string, data: Record<string, string>): corev1.Secret {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")])
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "default", name },
    data: Object.fromEntries(encoded),
  }
}
