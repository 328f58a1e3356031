import type { GroupVersionResource, KubeObject, metav1 } from "@ladya/apimachinery"

/** The resource a call is about; `kind` is what goes into error texts and list kinds. */
export interface CallTarget extends GroupVersionResource {
  kind: string
  namespaced: boolean
}

export interface ListParameters {
  labelSelector?: string
  fieldSelector?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: "Exact" | "NotOlderThan"
}

export interface WriteParameters {
  dryRun?: boolean
  fieldManager?: string
}

export interface DeleteParameters {
  gracePeriodSeconds?: number
  propagationPolicy?: "Foreground" | "Background" | "Orphan"
  preconditions?: { uid?: string; resourceVersion?: string }
  dryRun?: boolean
}

export type PatchType = "json" | "merge" | "strategic"

interface CallBase {
  target: CallTarget
  /** Empty for all namespaces and for what is not namespaced. */
  namespace: string
}

/** One request to the API, before any encoding. */
export type ApiCall =
  /** `query` goes with what another API server answers, such as a metric's selector. */
  | (CallBase & { verb: "get"; name: string; subresource?: string; query?: Readonly<Record<string, string>> })
  | (CallBase & { verb: "list"; parameters: ListParameters })
  | (CallBase & {
      verb: "create"
      name?: string
      subresource?: string
      object: KubeObject
      parameters: WriteParameters
    })
  | (CallBase & { verb: "update"; name: string; subresource?: string; object: KubeObject; parameters: WriteParameters })
  | (CallBase & {
      verb: "patch"
      name: string
      subresource?: string
      patchType: PatchType
      patch: unknown
      parameters: WriteParameters
    })
  | (CallBase & { verb: "delete"; name: string; parameters: DeleteParameters })
  | (CallBase & { verb: "deletecollection"; parameters: DeleteParameters; selection: ListParameters })

export interface WatchCall extends CallBase {
  parameters: {
    labelSelector?: string
    fieldSelector?: string
    resourceVersion?: string
    allowWatchBookmarks?: boolean
  }
}

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  /** Only `metadata.resourceVersion` of the object means something. */
  | { type: "BOOKMARK"; object: T }

/**
 * The way to an API server. Two of them: HTTPS, and the in-process call that the apiserver package offers,
 * which hands over frozen objects without encoding them. Objects that come out of either must not be written to.
 * Errors of the API are thrown as apimachinery's StatusError; what else fails (no connection) as other errors.
 */
export interface Transport {
  call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject>
  /** Ends normally when the server closes the stream or the signal aborts. Throws StatusError 410 Expired when the version is too old. */
  watch(call: WatchCall, signal: AbortSignal): AsyncIterable<WatchEvent>
  /** The resources of a group version, as discovery tells them. Not every transport can ask. */
  resources?(group: string, version: string, signal?: AbortSignal): Promise<readonly metav1.APIResource[]>
}
