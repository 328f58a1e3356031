import { type KindDefinition, schemaSource } from "@ladya/api"
import { type DecodeTarget, decodePatchedObject, deepCopy, type KubeObject, semanticEqual } from "@ladya/apimachinery"
import { typeOf } from "../../handlers/encoding/types.ts"
import type { AdmissionAttributes } from "../admission.ts"

/** The objects of a request in one version. */
export interface ShownObjects {
  object: KubeObject | undefined
  oldObject: KubeObject | undefined
}

/** The objects as somebody is to see them who asked for them in this version. Not to be written to. */
export function objectsAs(attributes: AdmissionAttributes, kind: KindDefinition): ShownObjects {
  const { object, previous, view } = attributes
  if (view) return { object, oldObject: previous }
  return { object: object && kind.fromStorage(object), oldObject: previous && kind.fromStorage(previous) }
}

function targetOf({ view }: AdmissionAttributes, shownAs: KindDefinition): DecodeTarget {
  if (view) return { group: view.group, version: view.version, kind: view.kind, type: typeOf(view) ?? "" }
  const { group, version, kind, type = "", custom } = shownAs
  return { group, version, kind, type, ...(custom ? { decode: custom.decode } : {}) }
}

/**
 * Puts what somebody made of the object, in the version he saw it in, into the draft: decoded by its schema, defaulted,
 * in the stored version. `changed` is given away. Returns whether that changes anything.
 */
export function takeOver(
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  before: KubeObject,
  changed: unknown,
): boolean {
  const draft = attributes.object as KubeObject
  const decoded = decodePatchedObject(changed, "", targetOf(attributes, shownAs), schemaSource)
  if (!attributes.view) shownAs.behaviour.default?.(decoded)
  if (semanticEqual(decoded, before)) return false
  const kept = attributes.view ? decoded : shownAs.toStorage(decoded)
  if (kept !== decoded) attributes.kind.behaviour.default?.(kept)
  // The draft is known by its identity: its content is exchanged.
  for (const key of Object.keys(draft)) delete (draft as unknown as Record<string, unknown>)[key]
  Object.assign(draft, kept)
  return true
}

/** A copy to be changed. */
export const copyOf = (object: KubeObject): KubeObject => deepCopy(object)
