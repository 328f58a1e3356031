import { type KindDefinition, schemaSource } from "@ladya/api"
import {
  apiVersionOf,
  parseApiVersion,
  protobufBody,
  protobufBodyOf,
  protobufListHead,
  protobufTail,
  protobufWatchFrame,
  writeProtobuf,
} from "@ladya/apimachinery"
import type { Entry } from "../../storage/entry.ts"
import { itemsOf } from "../../storage/slot-blocks.ts"
import type { ListMetadata } from "../operation.ts"
import { isKeptVersion, listKind } from "./kinds.ts"
import { typeOf } from "./types.ts"

const tail = Buffer.from(protobufTail)

/** The schema's name of what an object says it is. */
function typeOfObject(object: object): string {
  const { kind = "", apiVersion = "" } = object as { kind?: string; apiVersion?: string }
  const type = typeOf({ ...parseApiVersion(apiVersion), kind })
  if (!type) throw new Error(`${apiVersion} ${kind} has no protobuf form`)
  return type
}

/** A whole body for an object of a built-in type, which says what it is. */
export function objectProtobuf(object: object): Buffer {
  // APIVersions alone says no version of its own in JSON.
  const named = "apiVersion" in object ? object : { ...object, apiVersion: "v1" }
  return protobufBody(named, typeOfObject(named), schemaSource, Buffer.allocUnsafe)
}

/** The message of an object in the version of `kind`. */
function messageOf(kind: KindDefinition, entry: Entry): Uint8Array {
  if (isKeptVersion(kind)) return entry.message()
  return writeProtobuf(kind.fromStorage(entry.object), kind.type ?? "", schemaSource)
}

/** A whole body for a kept object in the version of `kind`. */
export function entryProtobuf(kind: KindDefinition, entry: Entry): Buffer {
  const gvk = { kind: kind.kind, apiVersion: apiVersionOf(kind) }
  return protobufBodyOf({ ...gvk, message: messageOf(kind, entry) }, Buffer.allocUnsafe)
}

/** A whole body for a list whose items are bytes already. */
export function itemsProtobuf(kind: KindDefinition, metadata: ListMetadata, items: readonly Buffer[]): Buffer[] {
  let length = 0
  for (const chunk of items) length += chunk.length
  const list = { kind: listKind(kind), apiVersion: apiVersionOf(kind), metadata }
  return [Buffer.from(protobufListHead(list, length, schemaSource)), ...items, tail]
}

/** A whole body for a list of kept objects in the version of `kind`. */
export function listProtobuf(kind: KindDefinition, metadata: ListMetadata, entries: readonly Entry[]): Buffer[] {
  return itemsProtobuf(kind, metadata, [itemsOf(entries.map((entry) => messageOf(kind, entry)))])
}

/** An event of a watch about a kept object in the version of `kind`. */
export function entryEvent(kind: KindDefinition, type: string, entry: Entry): Buffer {
  const gvk = { kind: kind.kind, apiVersion: apiVersionOf(kind) }
  return protobufWatchFrame({ type, ...gvk, message: messageOf(kind, entry) }, Buffer.allocUnsafe)
}

/** An event of a watch about an object that says what it is. */
export function objectEvent(type: string, object: object): Buffer {
  const message = writeProtobuf(object, typeOfObject(object), schemaSource)
  const { kind, apiVersion } = object as { kind: string; apiVersion: string }
  return protobufWatchFrame({ type, kind, apiVersion, message }, Buffer.allocUnsafe)
}
