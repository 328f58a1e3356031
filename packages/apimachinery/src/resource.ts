import type { ListMeta, ObjectMeta } from "./generated/metav1.ts"

/** What every API object has. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

/** A list as the API sends it. */
export interface KubeList<T extends KubeObject = KubeObject> {
  apiVersion: string
  kind: string
  metadata: ListMeta
  items: T[]
}

export interface GroupVersionKind {
  /** Empty for the core group. */
  group: string
  version: string
  kind: string
}

export interface GroupVersionResource {
  /** Empty for the core group. */
  group: string
  version: string
  resource: string
}

/**
 * Names one resource of the API, with the TypeScript type of its objects.
 * `T` is carried by the type alone: the value is plain data.
 */
export interface ResourceRef<T extends KubeObject = KubeObject> extends GroupVersionResource {
  kind: string
  namespaced: boolean
  readonly __type?: T
}

/** An object's place: `namespace` is empty for what is not namespaced. */
export interface ObjectKey {
  namespace: string
  name: string
}

/** `namespace/name`, or `name` alone for what is not namespaced. */
export function keyText(key: ObjectKey): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name
}

/** The place of an object. */
export function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name ?? "" }
}

/** The inverse of keyText. */
export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf("/")
  if (slash < 0) return { namespace: "", name: text }
  return { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(gv: { group: string; version: string }): string {
  return gv.group ? `${gv.group}/${gv.version}` : gv.version
}

/** The inverse of apiVersionOf. */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/")
  if (slash < 0) return { group: "", version: apiVersion }
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) }
}
