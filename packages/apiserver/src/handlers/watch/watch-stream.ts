import { randomUUID } from "node:crypto"
import { apiVersionOf, type KubeObject } from "@ladya/apimachinery"
import type { Store } from "@ladya/store"
import type { Clock, Random } from "@ladya/util"
import type { ApiRequest, ApiResponse, BodySink, SharedChunk } from "../../request.ts"
import type { Entry } from "../../storage/entry.ts"
import type { WatchEventType, WatchFormat } from "../../storage/watchers.ts"
import { makeTable } from "../../table/index.ts"
import type { Presentation } from "../encoding/media-type.ts"
import { isKeptVersion, type PresentContext, partialMetadata } from "../encoding/respond.ts"
import type { Operation } from "../operation.ts"
import { openWatch, type WatchOptions } from "./watch.ts"

/** A client that leaves so much unread, beyond the state it began with, is cut off: it can come back and read a list. */
const maxPendingBytes = 8 * 1024 * 1024
/** How often watchers who want it are told how far they are. */
export const bookmarkEveryMs = 60_000
/** Without a wish, a watch lasts between half an hour and an hour. */
const minTimeoutSeconds = 1800

const eventEnd = Buffer.from("}\n")
const heads: Readonly<Record<WatchEventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}

const plainFormat: WatchFormat<Buffer> = newPlainFormat()

/** Events of the kept version: head, the object's bytes, end. The last one is remembered for the next group. */
function newPlainFormat(): WatchFormat<Buffer> {
  let last: { entry: Entry; type: WatchEventType; bytes: Buffer } | undefined
  return {
    id: "json",
    event(type, entry) {
      if (last?.entry === entry && last.type === type) return last.bytes
      const head = heads[type]
      const bytes = Buffer.allocUnsafe(head.length + entry.wireLength + eventEnd.length)
      let offset = head.copy(bytes, 0)
      offset = entry.writeWire(bytes, offset)
      eventEnd.copy(bytes, offset)
      last = { entry, type, bytes }
      return bytes
    },
  }
}

/** The format of the events of a watch, by what the client accepts. */
export function watchFormat(operation: Operation, context: PresentContext, clock: Clock): WatchFormat<Buffer> {
  const { kind } = operation.resource
  const { presentation } = context
  if (!presentation.as && isKeptVersion(kind)) return plainFormat
  const version = apiVersionOf(kind)
  const transform = transformOf(operation, context, clock)
  return {
    // A Table's first event has the columns: those watches are not shared.
    id:
      presentation.as === "Table"
        ? `table ${randomUUID()}`
        : `${presentation.as ?? "json"} ${presentation.version} ${version}`,
    event: (type, entry) =>
      Buffer.from(`${JSON.stringify({ type, object: transform(kind.fromStorage(entry.object)) })}\n`),
  }
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

function bookmark(operation: Operation, presentation: Presentation, revision: number, isInitialEnd: boolean): Buffer {
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
  return Buffer.from(`${JSON.stringify({ type: "BOOKMARK", object })}\n`)
}

export interface WatchStreamDeps {
  store: Store
  clock: Clock
  random: Random
  /** Watches of this server end when it does. */
  stopping: AbortSignal
}

/** A watch as an answer: begins now, and pushes events until the client, the time or the server ends it. */
export async function watchStream(
  deps: WatchStreamDeps,
  request: ApiRequest,
  operation: Operation,
  options: WatchOptions & { timeoutSeconds: number | undefined },
  context: PresentContext,
): Promise<ApiResponse> {
  const { clock } = deps
  const format = watchFormat(operation, context, clock)
  let sink: BodySink | undefined
  let isEnded = false
  const early: Buffer[] = []
  let maxPending = maxPendingBytes
  const send = (bytes: Buffer, shared?: SharedChunk): void => {
    if (!sink) early.push(bytes)
    else if (sink.pendingBytes > maxPending) {
      finish()
      sink.abort()
    } else sink.write(bytes, shared)
  }
  const watch = await openWatch(deps.store, operation, options, format, {
    deliver(items, memo) {
      memo.bytes ??= items.length === 1 ? items[0]! : Buffer.concat(items)
      if (!isEnded) send(memo.bytes, memo)
    },
    end: () => finish(),
  })
  if (watch.initial.length > 0) {
    const state = Buffer.concat(watch.initial)
    maxPending += state.length
    early.unshift(state)
  }
  if (watch.initialEventsEnd !== undefined) {
    early.push(bookmark(operation, context.presentation, watch.initialEventsEnd, true))
  }
  const wantsBookmarks = options.allowWatchBookmarks ?? false
  const sendBookmark = (): void => send(bookmark(operation, context.presentation, watch.revision(), false))

  const timeoutMs = 1000 * (options.timeoutSeconds || minTimeoutSeconds * (1 + deps.random()))
  const timeout = clock.setTimeout(() => finish(), timeoutMs, { unref: true })
  let bookmarks = scheduleBookmark()
  function scheduleBookmark() {
    if (!wantsBookmarks) return undefined
    return clock.setTimeout(
      () => {
        // What is pending belongs before the bookmark.
        operation.resource.storage?.watchers.flush()
        if (isEnded) return
        sendBookmark()
        bookmarks = scheduleBookmark()
      },
      bookmarkEveryMs,
      { unref: true },
    )
  }
  function finish(): void {
    if (isEnded) return
    operation.resource.storage?.watchers.flush()
    if (wantsBookmarks && sink && sink.pendingBytes < maxPending) sendBookmark()
    isEnded = true
    watch.leave()
    timeout.cancel()
    bookmarks?.cancel()
    deps.stopping.removeEventListener("abort", finish)
    sink?.end()
  }
  if (deps.stopping.aborted) finish()
  else deps.stopping.addEventListener("abort", finish, { once: true })
  if (request.signal.aborted) finish()
  else request.signal.addEventListener("abort", finish, { once: true })
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: (opened) => {
      sink = opened
      if (early.length > 0) opened.write(early.length === 1 ? early[0]! : Buffer.concat(early))
      if (isEnded) opened.end()
    },
  }
}
