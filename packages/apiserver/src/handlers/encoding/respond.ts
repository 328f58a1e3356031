import type { KindDefinition } from "@ladya/api"
import { apiVersionOf, type KubeObject } from "@ladya/apimachinery"
import { stringify } from "yaml"
import type { ApiResponse } from "../../request.ts"
import type { Entry } from "../../storage/entry.ts"
import { makeTable, type TableInput } from "../../table/index.ts"
import type { ListMetadata, Operation, Result } from "../operation.ts"
import type { Presentation } from "./media-type.ts"

export interface PresentContext {
  presentation: Presentation
  includeObject: TableInput["includeObject"]
  now: number
}

const json = { "Content-Type": "application/json" }
const yaml = { "Content-Type": "application/yaml" }

/** Gives a result its form on the wire. */
export function respond(operation: Operation, result: Result, context: PresentContext): ApiResponse {
  const { presentation } = context
  if (result.type === "encoded list") {
    const body = [
      Buffer.from(listHead(operation.resource.kind, result.metadata)),
      ...withoutComma(result.chunks),
      listEnd,
    ]
    return { status: 200, headers: { ...json }, body }
  }
  if (isPlain(presentation)) {
    if (result.type === "list")
      return { status: 200, headers: { ...json }, body: listBody(operation.resource.kind, result) }
    if (result.type === "entry") {
      return { status: result.code, headers: { ...json }, body: entryBytes(operation.resource.kind, result.entry) }
    }
    return { status: result.code, headers: { ...json }, body: Buffer.from(JSON.stringify(result.object)) }
  }
  const value = presented(operation, result, context)
  const status = result.type === "list" ? 200 : result.code
  return encodeAs(presentation, value, status)
}

/** Whether objects are sent as JSON and as they are. */
export function isPlain(presentation: Presentation): boolean {
  return presentation.format === "json" && !presentation.as && !presentation.isPretty
}

export function encodeAs(presentation: Presentation, value: unknown, status: number): ApiResponse {
  if (presentation.format === "yaml") {
    return { status, headers: { ...yaml }, body: Buffer.from(stringify(value, { aliasDuplicateObjects: false })) }
  }
  const text = presentation.isPretty ? `${JSON.stringify(value, undefined, 2)}\n` : JSON.stringify(value)
  return { status, headers: { ...json }, body: Buffer.from(text) }
}

/** Whether what is kept can be sent as it is. */
export function isKeptVersion(kind: KindDefinition): boolean {
  return kind.storage.version === kind.version && kind.storage.group === kind.group
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

export function listKind(kind: KindDefinition): string {
  return `${kind.kind}List`
}

function presented(
  operation: Operation,
  result: Exclude<Result, { type: "encoded list" }>,
  context: PresentContext,
): unknown {
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
      if (result.type !== "list") return items[0]
      return { kind: "PartialObjectMetadataList", apiVersion, metadata: result.metadata, items }
    }
    default:
      if (result.type !== "list") return objects[0]
      return { kind: listKind(kind), apiVersion: apiVersionOf(kind), metadata: result.metadata, items: objects }
  }
}

const listMetadataOf = (object: KubeObject | undefined): Partial<ListMetadata> =>
  object?.metadata?.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {}

export function partialMetadata(object: KubeObject, apiVersion: string): KubeObject {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata }
}
