import { type KindDefinition, schemaSource } from "@ladya/api"
import { type DecodeTarget, decodePatchedObject, deepCopy, type KubeObject, semanticEqual } from "@ladya/apimachinery"
import { typeOf } from "../../handlers/encoding/types.ts"
import type { AdmissionAttributes } from "../admission.ts"

/** The objects of a request in one version. */
export interface ShownObjects {
  object: KubeObject | undefined
  oldObject: KubeObject | undefined
}

/** A kept object in a version. Custom resources may come in any version. Throws a Status. */
export async function objectIn(kind: KindDefinition, object: KubeObject): Promise<KubeObject> {
  const convert = kind.custom?.convert
  return convert ? ((await convert([object]))[0] as KubeObject) : kind.fromStorage(object)
}

/**
 * The objects as somebody is to see them who asked for them in this version. Not to be written to. Throws the Status of a
 * conversion that fails.
 */
export async function objectsAs(attributes: AdmissionAttributes, kind: KindDefinition): Promise<ShownObjects> {
  const { object, previous, view } = attributes
  if (view) return { object, oldObject: previous }
  return {
    object: object && (await objectIn(kind, object)),
    oldObject: previous && (await objectIn(kind, previous)),
  }
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
export async function takeOver(
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  before: KubeObject,
  changed: unknown,
): Promise<boolean> {
  const draft = attributes.object as KubeObject
  const decoded = decodePatchedObject(changed, "", targetOf(attributes, shownAs), schemaSource)
  if (!attributes.view) shownAs.behaviour.default?.(decoded)
  if (semanticEqual(decoded, before)) return false
  const kept = attributes.view ? decoded : await workedOn(attributes, shownAs, decoded)
  if (kept !== decoded) attributes.kind.behaviour.default?.(kept)
  // The draft is known by its identity: its content is exchanged.
  for (const key of Object.keys(draft)) delete (draft as unknown as Record<string, unknown>)[key]
  Object.assign(draft, kept)
  return true
}

/** Custom resources are worked on in the version of the request, built-in ones in the one they are kept in. */
function workedOn(
  { kind }: AdmissionAttributes,
  shownAs: KindDefinition,
  object: KubeObject,
): Promise<KubeObject> | KubeObject {
  return kind.custom ? objectIn(kind, object) : shownAs.toStorage(object)
}

/** A copy to be changed. */
export const copyOf = (object: KubeObject): KubeObject => deepCopy(object)
