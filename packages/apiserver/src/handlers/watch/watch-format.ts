import { randomUUID } from "node:crypto"
import { apiVersionOf, type KubeObject } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { Entry } from "../../storage/entry.ts"
import type { WatchEventType, WatchFormat } from "../../storage/watchers.ts"
import { makeTable } from "../../table/index.ts"
import { isKeptVersion } from "../encoding/kinds.ts"
import type { Format, Presentation } from "../encoding/media-type.ts"
import { entryEvent, objectEvent } from "../encoding/protobuf.ts"
import { type PresentContext, partialMetadata } from "../encoding/respond.ts"
import type { Operation } from "../operation.ts"

const eventEnd = Buffer.from("}\n")
const heads: Readonly<Record<WatchEventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}

/** A format that remembers its last event for the next group of watchers. */
function remembering(id: string, encode: (type: WatchEventType, entry: Entry) => Buffer): WatchFormat<Buffer> {
  let last: { entry: Entry; type: WatchEventType; bytes: Buffer } | undefined
  return {
    id,
    event(type, entry) {
      if (last?.entry === entry && last.type === type) return last.bytes
      const bytes = encode(type, entry)
      last = { entry, type, bytes }
      return bytes
    },
  }
}

/** JSON events of the kept version: head, the object's bytes, end. */
const plainFormat = remembering("json", (type, entry) => {
  const head = heads[type]
  const bytes = Buffer.allocUnsafe(head.length + entry.wireLength + eventEnd.length)
  let offset = head.copy(bytes, 0)
  offset = entry.writeWire(bytes, offset)
  eventEnd.copy(bytes, offset)
  return bytes
})

/** Protobuf events of the kept version. */
const protobufFormat = remembering("protobuf", (type, entry) => entryEvent(entry.shape.kind, type, entry))

/** The format of the events of a watch, by what the client accepts. */
export function watchFormat(operation: Operation, context: PresentContext, clock: Clock): WatchFormat<Buffer> {
  const { kind } = operation.resource
  const { presentation } = context
  if (!presentation.as && isKeptVersion(kind)) return presentation.format === "protobuf" ? protobufFormat : plainFormat
  const version = apiVersionOf(kind)
  const { format } = presentation
  const transform = transformOf(operation, context, clock)
  return {
    // A Table's first event has the columns: those watches are not shared.
    id:
      presentation.as === "Table"
        ? `table ${randomUUID()}`
        : `${format} ${presentation.as ?? ""} ${presentation.version} ${version}`,
    event: (type, entry) => encodeEvent(format, type, transform(kind.fromStorage(entry.object))),
  }
}

/** An event about an object, or a Status. */
export function encodeEvent(format: Format, type: string, object: object): Buffer {
  return format === "protobuf" ? objectEvent(type, object) : Buffer.from(`${JSON.stringify({ type, object })}\n`)
}

function transformOf(operation: Operation, context: PresentContext, clock: Clock): (object: KubeObject) => object {
  const { presentation, includeObject } = context
  const apiVersion = `meta.k8s.io/${presentation.version}`
  if (presentation.as === "Table") {
    let withColumns = true
    return (object) => {
      const metadata = { resourceVersion: object.metadata.resourceVersion ?? "" }
      const { kind } = operation.resource
      const table = makeTable({
        kind,
        objects: [object],
        metadata,
        includeObject,
        apiVersion,
        now: clock.now(),
        withColumns,
      })
      withColumns = false
      return table
    }
  }
  if (presentation.as) return (object) => partialMetadata(object, apiVersion)
  return (object) => object
}

/** An event that says how far a watch is. */
export function bookmark(
  operation: Operation,
  presentation: Presentation,
  revision: number,
  isInitialEnd: boolean,
): Buffer {
  const { kind } = operation.resource
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(isInitialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
  }
  let object: object = { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }
  if (presentation.as === "Table") {
    object = {
      kind: "Table",
      apiVersion: `meta.k8s.io/${presentation.version}`,
      metadata: { resourceVersion: String(revision) },
      columnDefinitions: null,
      rows: [{ cells: null, object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata } }],
    }
  } else if (presentation.as) {
    object = { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${presentation.version}`, metadata }
  }
  return encodeEvent(presentation.format, "BOOKMARK", object)
}
