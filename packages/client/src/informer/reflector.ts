import { isStatus, type KubeList, type KubeObject, StatusError } from "@ladya/apimachinery"
import { type Clock, errorMessage, type Logger, type Random, sleep } from "@ladya/util"
import type { ResourceClient } from "../client.ts"
import type { WatchEvent } from "../transport.ts"

export interface Selection {
  /** Absent or empty: all namespaces. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

export interface Sink<T extends KubeObject> {
  /** The whole state, as of a list. */
  replace(items: readonly T[]): void
  apply(event: WatchEvent<T>): void
}

export interface ReflectorOptions<T extends KubeObject> {
  resource: ResourceClient<T>
  selection: Selection
  sink: Sink<T>
  clock: Clock
  log: Logger
  random: Random
}

const backoffInitialMs = 100
const backoffMaxMs = 3_000
/** A watch that ends sooner than this, without an event, counts as a failure. */
const shortWatchMs = 1_000

/**
 * Keeps a sink up to date with the API: lists, then watches from the version of the list, resumes a broken watch from
 * the last version seen, and lists again only when that version is gone (410).
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>
  #version: string | undefined
  #needsList = true
  #failures = 0

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
  }

  /** The version up to which the sink is up to date. */
  get version(): string | undefined {
    return this.#version
  }

  /** Runs until the signal aborts; then returns normally. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#needsList) await this.#list(signal)
        await this.#watch(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#noteFailure(error)
        await this.#pause(signal)
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { resource, selection, sink } = this.#options
    // Never go back in time: the cache may be served from memory, but not from before what was seen already.
    const resourceVersion = this.#version ?? "0"
    const list: KubeList<T> = await resource.list({ ...selection, resourceVersion, signal })
    if (signal.aborted) return
    this.#version = list.metadata.resourceVersion ?? ""
    this.#needsList = false
    sink.replace(list.items.map((item) => completed(item, list)))
    this.#failures = 0
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { resource, selection, sink, clock } = this.#options
    const startedAt = clock.monotonic()
    let events = 0
    const watch = resource.watch({
      ...selection,
      resourceVersion: this.#version ?? "",
      allowWatchBookmarks: true,
      signal,
    })
    for await (const event of watch) {
      if (signal.aborted) return
      if (event.type !== "BOOKMARK") sink.apply(event)
      this.#version = event.object.metadata.resourceVersion ?? this.#version
      if (events++ === 0) this.#failures = 0
    }
    if (signal.aborted || events > 0) return
    if (clock.monotonic() - startedAt < shortWatchMs) throw new Error("the watch ended at once")
  }

  #noteFailure(error: unknown): void {
    const { log } = this.#options
    if (isStatus(error, "Expired", "Gone")) {
      log.debug("the version is gone: listing again", { error: errorMessage(error) })
      this.#failures++
      // The newest state there is, straight from the store.
      this.#version = ""
      this.#needsList = true
      return
    }
    if (isTooLarge(error)) {
      log.warn("the server is behind what was seen: it lost data or was replaced; listing again")
      this.#failures++
      this.#version = ""
      this.#needsList = true
      return
    }
    this.#failures++
    const level = error instanceof StatusError || this.#failures === 5 ? "warn" : "debug"
    log[level]("list or watch failed: will try again", { error: errorMessage(error), failures: this.#failures })
  }

  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failures === 0) return
    const base = Math.min(backoffInitialMs * 2 ** (this.#failures - 1), backoffMaxMs)
    await sleep(this.#options.clock, base * (1 + this.#options.random()), signal).catch(() => undefined)
  }
}

/** Items of a list may come without apiVersion and kind: the list says them. */
function completed<T extends KubeObject>(item: T, list: KubeList<T>): T {
  if (item.kind && item.apiVersion) return item
  return Object.freeze({ ...item, apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, "") })
}

function isTooLarge(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === "ResourceVersionTooLarge")
  )
}
