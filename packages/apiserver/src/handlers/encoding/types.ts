import { schemaSource, schemaTypeNames } from "@ladya/api"
import type { DecodeTarget, GroupVersionKind } from "@ladya/apimachinery"
import type { Operation } from "../operation.ts"

let types: Map<string, string> | undefined

/** The full name of a kind's schema; undefined for what has none. */
export function typeOf(kind: GroupVersionKind): string | undefined {
  if (!types) {
    types = new Map()
    for (const name of schemaTypeNames()) {
      for (const [group, version, kindName] of schemaSource(name)?.gvk ?? []) {
        // DeleteOptions and the like belong to every group: their own name says whose they are.
        types.set(`${group}/${version}/${kindName}`, name)
      }
    }
  }
  return types.get(`${kind.group}/${kind.version}/${kind.kind}`)
}

/** What the body of an operation has to be: an object of its resource, or of the subresource's own kind. */
export function decodeTarget(operation: Operation): DecodeTarget {
  const { kind, subresources, group, version, type, custom } = operation.resource.kind
  const own = { group, version, kind, type: type ?? "", ...(custom ? { decode: custom.decode } : {}) }
  const found = operation.subresource && subresources.find((entry) => entry.name === operation.subresource)
  if (!found || found.kind.kind === kind) return own
  return { ...found.kind, type: typeOf(found.kind) ?? "" }
}
