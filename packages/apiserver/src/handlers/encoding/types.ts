import { schemaSource, schemaTypeNames } from "@ladya/api"
import type { DecodeTarget, GroupVersionKind } from "@ladya/apimachinery"
import type { Operation } from "../operation.ts"

let types: Map<string, string> | undefined

/** Types that only the wire has, and their group. */
const unpublished: readonly (readonly [prefix: string, group: string])[] = [
  ["io.k8s.api.apidiscovery.", "apidiscovery.k8s.io"],
  ["io.k8s.apimachinery.pkg.apis.meta.", "meta.k8s.io"],
]

/** The full name of a kind's schema; undefined for what has none. */
export function typeOf(kind: GroupVersionKind): string | undefined {
  types ??= allTypes()
  return types.get(`${kind.group}/${kind.version}/${kind.kind}`)
}

function allTypes(): Map<string, string> {
  const found = new Map<string, string>()
  for (const name of schemaTypeNames()) {
    const schema = schemaSource(name)
    for (const [group, version, kindName] of schema?.gvk ?? []) {
      // DeleteOptions and the like belong to every group: their own name says whose they are.
      found.set(`${group}/${version}/${kindName}`, name)
    }
    const group = schema?.protobufOnly && unpublished.find(([prefix]) => name.startsWith(prefix))?.[1]
    if (group) found.set(`${group}/${name.split(".").slice(-2).join("/")}`, name)
  }
  // The older version of the group is the same.
  for (const kind of ["PartialObjectMetadata", "PartialObjectMetadataList"]) {
    found.set(`meta.k8s.io/v1beta1/${kind}`, found.get(`meta.k8s.io/v1/${kind}`) ?? "")
  }
  return found
}

/** What the body of an operation has to be: an object of its resource, or of the subresource's own kind. */
export function decodeTarget(operation: Operation): DecodeTarget {
  const { kind, subresources, group, version, type, custom } = operation.resource.kind
  const own = { group, version, kind, type: type ?? "", ...(custom ? { decode: custom.decode } : {}) }
  const found = operation.subresource && subresources.find((entry) => entry.name === operation.subresource)
  if (!found || found.kind.kind === kind) return own
  return { ...found.kind, type: typeOf(found.kind) ?? "" }
}
