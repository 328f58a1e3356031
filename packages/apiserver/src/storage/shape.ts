import type { KindDefinition } from "@ladya/api"
import { apiVersionOf, type KubeObject, managedFieldsText, parseApiVersion } from "@ladya/apimachinery"

/** How the objects of one kept resource are written: key prefix, constant beginning, place of the resourceVersion. */
export interface StoredShape {
  /** The kind in the stored version. */
  readonly kind: KindDefinition
  /** `/registry/apps/deployments/`. */
  readonly prefix: string
  /** Bytes for the store, without resourceVersion. */
  encode(object: KubeObject): Buffer
  /** How many bytes the resourceVersion adds. */
  revisionLength(revision: number): number
  /** Copies `value` into `target` with the resourceVersion put in; returns the offset behind it. */
  splice(value: Buffer, revision: number, target: Buffer, offset: number): number
  fieldsOf(object: KubeObject): Readonly<Record<string, string>>
  /** Of custom resources: the bytes that stand for what was kept under an earlier definition; undefined: they do so themselves. */
  revise?(value: Buffer): Buffer | undefined
}

/** `/registry/<group or nothing>/<resource>/`. */
export function storagePrefix(storage: { group: string; resource: string }): string {
  return storage.group ? `/registry/${storage.group}/${storage.resource}/` : `/registry/${storage.resource}/`
}

/** The constant beginning of an encoded object, up to where the resourceVersion goes. */
export function headOf(kind: { group: string; version: string; kind: string }): string {
  return `{"kind":${JSON.stringify(kind.kind)},"apiVersion":${JSON.stringify(apiVersionOf(kind))},"metadata":{`
}

/** The encoded object without its resourceVersion. Every object has a name, so metadata is never empty. */
export function encodeStored(head: string, object: KubeObject): string {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object as KubeObject & Record<string, unknown>
  const { resourceVersion: _resourceVersion, managedFields, ...meta } = metadata
  const plain = JSON.stringify(meta)
  const metaText = managedFields ? `${plain.slice(0, -1)},"managedFields":${managedFieldsText(managedFields)}}` : plain
  const restText = JSON.stringify(rest)
  const tail = restText === "{}" ? "}" : `,${restText.slice(1)}`
  return `${head}${metaText.slice(1)}${tail}`
}

const metadataKey = '"metadata":{'
const key = '"resourceVersion":"'
const keyEnd = '",'

const genericFields = (object: KubeObject): Readonly<Record<string, string>> => ({
  "metadata.name": object.metadata.name ?? "",
  "metadata.namespace": object.metadata.namespace ?? "",
})

/** The shape of what is kept of this kind, which must be the stored version. */
export function newStoredShape(kind: KindDefinition): StoredShape {
  const head = headOf(kind)
  const headBytes = Buffer.from(head)
  // What was written while another version was the stored one has a beginning of its own.
  const headLengthOf = (value: Buffer): number =>
    value.compare(headBytes, 0, headBytes.length, 0, headBytes.length) === 0
      ? headBytes.length
      : value.indexOf(metadataKey) + metadataKey.length
  const extra = kind.behaviour.selectableFields
  const encode = (object: KubeObject): Buffer => {
    // What only a webhook could convert is kept in the version it has.
    const own = object.apiVersion === apiVersionOf(kind) || !kind.custom?.convert
    const text = encodeStored(own ? head : headOf({ ...kind, ...parseApiVersion(object.apiVersion) }), object)
    // Its own memory: a piece of the shared pool would keep its passing neighbours alive for as long as the object.
    const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
    bytes.write(text)
    return bytes
  }
  const { custom } = kind
  return {
    kind,
    prefix: storagePrefix(kind.storage),
    encode,
    revisionLength: (revision) => key.length + keyEnd.length + String(revision).length,
    splice(value, revision, target, offset) {
      const headLength = headLengthOf(value)
      value.copy(target, offset, 0, headLength)
      const at = offset + headLength
      const written = target.write(`${key}${revision}${keyEnd}`, at, "latin1")
      value.copy(target, at + written, headLength)
      return at + written + value.length - headLength
    },
    ...(custom
      ? {
          revise(value: Buffer) {
            const revised = custom.revise(JSON.parse(value.toString("utf8")) as KubeObject)
            return revised && encode(revised)
          },
        }
      : {}),
    fieldsOf: extra ? (object) => ({ ...genericFields(object), ...extra(object) }) : genericFields,
  }
}
