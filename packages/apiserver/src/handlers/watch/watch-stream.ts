import { isStatus } from "@ladya/apimachinery"
import type { Store } from "@ladya/store"
import type { Clock, Random } from "@ladya/util"
import type { ApiRequest, ApiResponse, BodySink, PushBody, SharedChunk } from "../../request.ts"
import { type Format, mediaTypes } from "../encoding/media-type.ts"
import type { PresentContext } from "../encoding/respond.ts"
import type { Operation } from "../operation.ts"
import { openWatch, type WatchOptions } from "./watch.ts"
import { bookmark, encodeEvent, watchFormat } from "./watch-format.ts"

/** A client that leaves so much unread, beyond the state it began with, is cut off: it can come back and read a list. */
const maxPendingBytes = 8 * 1024 * 1024
/** How often watchers who want it are told how far they are. */
export const bookmarkEveryMs = 60_000
/** Without a wish, a watch lasts between half an hour and an hour. */
const minTimeoutSeconds = 1800

export interface WatchStreamDeps {
  store: Store
  clock: Clock
  random: Random
  /** Watches of this server end when it does. */
  stopping: AbortSignal
}

/**
 * A watch as an answer: begins now, and pushes events until the client, the time or the server ends it. That the version is too
 * old is told by an event, as upstream does.
 */
export async function watchStream(
  deps: WatchStreamDeps,
  request: ApiRequest,
  operation: Operation,
  options: WatchOptions & { timeoutSeconds: number | undefined },
  context: PresentContext,
): Promise<ApiResponse> {
  try {
    return await openStream(deps, request, operation, options, context)
  } catch (error) {
    if (!isStatus(error, "Expired")) throw error
    const event = encodeEvent(context.presentation.format, "ERROR", error.status)
    return streamOf(context, (sink) => {
      sink.write(event)
      sink.end()
    })
  }
}

async function openStream(
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
  return streamOf(context, (opened) => {
    sink = opened
    if (early.length > 0) opened.write(early.length === 1 ? early[0]! : Buffer.concat(early))
    if (isEnded) opened.end()
  })
}

function streamOf({ presentation }: PresentContext, body: PushBody): ApiResponse {
  return { status: 200, headers: { "Content-Type": contentType(presentation.format) }, body }
}

/** What a stream is called: JSON as ever, anything else a stream of its kind. */
const contentType = (format: Format): string =>
  format === "json" ? mediaTypes.json : `${mediaTypes[format]};stream=watch`
