import type { KubeList, KubeObject, metav1, ResourceRef } from "@ladya/apimachinery"
import type { DeleteParameters, ListParameters, PatchType, WatchEvent, WriteParameters } from "./transport.ts"

export interface InNamespace {
  /** Empty or absent: all namespaces, or not namespaced. */
  namespace?: string
}

/** The verbs of one resource. Objects that come back are frozen: copy before changing (`structuredClone`). */
export interface ResourceClient<T extends KubeObject> {
  readonly ref: ResourceRef<T>
  get(name: string, options?: InNamespace & { signal?: AbortSignal }): Promise<T>
  /** Reads a subresource object, such as `deployments/scale`. */
  getSubresource<R extends KubeObject>(
    name: string,
    subresource: string,
    options?: InNamespace & { signal?: AbortSignal; query?: Readonly<Record<string, string>> },
  ): Promise<R>
  list(options?: InNamespace & ListParameters & { signal?: AbortSignal }): Promise<KubeList<T>>
  watch(
    options: InNamespace & {
      labelSelector?: string
      fieldSelector?: string
      resourceVersion?: string
      allowWatchBookmarks?: boolean
      signal: AbortSignal
    },
  ): AsyncIterable<WatchEvent<T>>
  /** The namespace is taken from the object. */
  create(object: T, options?: WriteParameters): Promise<T>
  /** Creates a subresource object, such as `pods/eviction`, `pods/binding` or `serviceaccounts/token`. */
  createSubresource<R extends KubeObject>(
    name: string,
    subresource: string,
    object: R,
    options?: InNamespace & WriteParameters,
  ): Promise<R>
  /** Name, namespace and expected resourceVersion are taken from the object. */
  update(object: T, options?: WriteParameters & { subresource?: string }): Promise<T>
  updateStatus(object: T, options?: WriteParameters): Promise<T>
  patch(
    name: string,
    type: PatchType,
    patch: unknown,
    options?: InNamespace & WriteParameters & { subresource?: string },
  ): Promise<T>
  delete(name: string, options?: InNamespace & DeleteParameters): Promise<void>
  deleteCollection(options?: InNamespace & ListParameters & { delete?: DeleteParameters }): Promise<void>
}

/** The one way components speak to the API. */
export interface Client {
  resource<T extends KubeObject>(ref: ResourceRef<T>): ResourceClient<T>
  /** What discovery tells of a group version; subresources have names with a slash. */
  resourcesOf(group: string, version: string, signal?: AbortSignal): Promise<readonly metav1.APIResource[]>
}
