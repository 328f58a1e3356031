import type { KindDefinition } from "@ladya/api"
import { apiVersionOf, type KubeObject } from "@ladya/apimachinery"
import { stringify } from "yaml"
import type { ApiResponse } from "../../request.ts"
import type { Entry } from "../../storage/entry.ts"
import { makeTable, type TableInput } from "../../table/index.ts"
import type { ListMetadata, Operation, Result } from "../operation.ts"
import { isKeptVersion, listKind } from "./kinds.ts"
import { mediaTypes, type Presentation } from "./media-type.ts"
import { entryProtobuf, itemsProtobuf, listProtobuf, objectProtobuf } from "./protobuf.ts"

export interface PresentContext {
  presentation: Presentation
  includeObject: TableInput["includeObject"]
  now: number
}

/** Gives a result its form on the wire. */
export function respond(operation: Operation, result: Result, context: PresentContext): ApiResponse {
  const { presentation } = context
  const status = "code" in result ? result.code : 200
  const headers = { "Content-Type": mediaTypes[presentation.format] }
  const bytes = bytesOf(operation.resource.kind, result, presentation)
  if (bytes) return { status, headers, body: bytes }
  if (result.type === "encoded list") throw new Error("bytes were not asked for")
  return { status, headers, body: encodeAs(presentation, presented(operation, result, context)) }
}

/** The answer from what is encoded already, or needs no look at the object; undefined when it has to be turned into something. */
function bytesOf(kind: KindDefinition, result: Result, presentation: Presentation): ApiResponse["body"] | undefined {
  if (result.type === "encoded list") {
    const { chunks, metadata } = result
    if (result.form === "protobuf") return itemsProtobuf(kind, metadata, chunks)
    return [Buffer.from(listHead(kind, metadata)), ...withoutComma(chunks), listEnd]
  }
  if (!isPlain(presentation)) return undefined
  const isJson = presentation.format === "json"
  switch (result.type) {
    case "list":
      return isJson ? listBody(kind, result) : listProtobuf(kind, result.metadata, result.entries)
    case "entry":
      return isJson ? entryBytes(kind, result.entry) : entryProtobuf(kind, result.entry)
    case "object":
      return encodeAs(presentation, result.object)
  }
}

/** Whether objects are sent as they are, in a form that is made of bytes at hand. */
export function isPlain(presentation: Presentation): boolean {
  if (presentation.as || presentation.format === "yaml") return false
  return presentation.format === "protobuf" || !presentation.isPretty
}

/** The bytes of an object that says what it is. */
export function encodeAs(presentation: Presentation, value: object): Buffer {
  switch (presentation.format) {
    case "protobuf":
      return objectProtobuf(value)
    case "yaml":
      return Buffer.from(stringify(value, { aliasDuplicateObjects: false }))
    case "json":
      return Buffer.from(presentation.isPretty ? `${JSON.stringify(value, undefined, 2)}\n` : JSON.stringify(value))
  }
}

/** The object's bytes in the version of `kind`. */
export function entryBytes(kind: KindDefinition, entry: Entry): Buffer {
  return isKeptVersion(kind) ? entry.wire() : Buffer.from(JSON.stringify(kind.fromStorage(entry.object)))
}

const listEnd = Buffer.from("]}")

function listHead(kind: KindDefinition, metadata: ListMetadata): string {
  return `{"kind":${JSON.stringify(listKind(kind))},"apiVersion":${JSON.stringify(apiVersionOf(kind))},"metadata":${JSON.stringify(metadata)},"items":[`
}

// Each object has a comma before it: the first one goes without.
function withoutComma([first, ...rest]: readonly Buffer[]): readonly Buffer[] {
  return first ? [first.subarray(1), ...rest] : []
}

function listBody(kind: KindDefinition, result: Extract<Result, { type: "list" }>): Buffer {
  const head = listHead(kind, result.metadata)
  if (!isKeptVersion(kind)) {
    const items = result.entries.map((entry) => JSON.stringify(kind.fromStorage(entry.object)))
    return Buffer.from(`${head}${items.join(",")}]}`)
  }
  let size = Buffer.byteLength(head) + 2 + Math.max(result.entries.length - 1, 0)
  for (const entry of result.entries) size += entry.wireLength
  const target = Buffer.allocUnsafe(size)
  let offset = target.write(head)
  let isFirst = true
  for (const entry of result.entries) {
    if (!isFirst) target[offset++] = 44
    isFirst = false
    offset = entry.writeWire(target, offset)
  }
  target[offset] = 93
  target[offset + 1] = 125
  return target
}

function presented(
  operation: Operation,
  result: Exclude<Result, { type: "encoded list" }>,
  context: PresentContext,
): object {
  const { presentation, includeObject, now } = context
  const { kind } = operation.resource
  const apiVersion = `meta.k8s.io/${presentation.version}`
  if (result.type === "object" && (result.kind !== kind || presentation.as === undefined)) return result.object
  const objects =
    result.type === "list"
      ? result.entries.map((entry) => kind.fromStorage(entry.object))
      : [result.type === "entry" ? kind.fromStorage(result.entry.object) : result.object]
  switch (presentation.as) {
    case "Table": {
      const metadata = result.type === "list" ? result.metadata : listMetadataOf(objects[0])
      return makeTable({ kind, objects, metadata, includeObject, apiVersion, now, withColumns: true })
    }
    case "PartialObjectMetadata":
    case "PartialObjectMetadataList": {
      const items = objects.map((object) => partialMetadata(object, apiVersion))
      if (result.type !== "list") return items[0] as object
      return { kind: "PartialObjectMetadataList", apiVersion, metadata: result.metadata, items }
    }
    default:
      if (result.type !== "list") return objects[0] as object
      return { kind: listKind(kind), apiVersion: apiVersionOf(kind), metadata: result.metadata, items: objects }
  }
}

const listMetadataOf = (object: KubeObject | undefined): Partial<ListMetadata> =>
  object?.metadata?.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {}

export function partialMetadata(object: KubeObject, apiVersion: string): KubeObject {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata }
}
