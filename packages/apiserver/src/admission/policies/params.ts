import type { admissionregistrationv1, KindDefinition } from "@ladya/api"
import { compileLabelSelector, type KubeObject, parseApiVersion } from "@ladya/apimachinery"
import type { ResourceTable } from "../../resources.ts"
import { objectIn } from "../dynamic/versions.ts"

type ParamKind = admissionregistrationv1.ParamKind
type ParamRef = admissionregistrationv1.ParamRef

function findKind(resources: ResourceTable, wanted: ParamKind): KindDefinition | undefined {
  const { group, version } = parseApiVersion(wanted.apiVersion ?? "")
  return resources.kinds().find((kind) => kind.kind === wanted.kind && kind.group === group && kind.version === version)
}

/**
 * The parameters that a binding gives its policy: the policy is asked once with each. Without parameters that is once,
 * with undefined. Throws an Error that says what is wrong with the configuration.
 */
export async function findParams(
  resources: ResourceTable,
  paramKind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
): Promise<readonly (KubeObject | undefined)[]> {
  if (!paramKind || !ref) return [undefined]
  const kind = findKind(resources, paramKind)
  const storage = kind && resources.lookup(kind.group, kind.version, kind.resource)?.storage
  if (!kind || !storage) throw new Error(`failed to find resource referenced by paramKind: '${gvkText(paramKind)}'`)
  const place = placeOf(kind, ref, namespace)
  if (ref.name && ref.selector) throw new Error("paramRef.name and paramRef.selector are mutually exclusive")
  if (!ref.name && !ref.selector) throw new Error("one of name or selector must be provided")
  const loading = storage.cache.ready()
  if (loading) await loading
  const found: KubeObject[] = []
  if (ref.name) {
    const entry = storage.cache.get(storage.keyOf(place, ref.name))
    if (entry) found.push(await objectIn(kind, entry.object))
  } else {
    const selector = compileLabelSelector(ref.selector)
    for (const { object } of storage.cache.scan({ namespace: place, name: undefined })) {
      if (selector.matches(object.metadata.labels)) found.push(await objectIn(kind, object))
    }
  }
  if (found.length === 0 && ref.parameterNotFoundAction === "Deny") {
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction")
  }
  return found
}

function gvkText({ apiVersion = "", kind = "" }: ParamKind): string {
  const { group, version } = parseApiVersion(apiVersion)
  return `${group}/${version}, Kind=${kind}`
}

function placeOf(kind: KindDefinition, ref: ParamRef, namespace: string): string {
  if (!kind.namespaced) {
    if (ref.namespace) throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    return ""
  }
  const place = ref.namespace || namespace
  if (place) return place
  throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
}
