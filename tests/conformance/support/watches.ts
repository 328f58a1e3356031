import { type KubeObject, type ResourceRef, StatusError } from "@ladya/apimachinery"
import type { WatchEvent } from "@ladya/client"
import type { ConformanceContext } from "./context.ts"

export interface WatchOptions {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  resourceVersion?: string
  allowWatchBookmarks?: boolean
}

/** A watch whose events are kept, in their order. */
export interface Watch<T extends KubeObject> {
  readonly events: readonly WatchEvent<T>[]
  /** Waits for the first event not taken yet that matches; what came before it is skipped. 30 s unless told. */
  next(description: string, matches?: (event: WatchEvent<T>) => boolean, timeoutMs?: number): Promise<WatchEvent<T>>
  stop(): void
}

/** Watches until the test ends; without a `resourceVersion` it begins with what is there. */
export function startWatch<T extends KubeObject>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  options: WatchOptions = {},
): Watch<T> {
  const controller = new AbortController()
  const events: WatchEvent<T>[] = []
  let failure: Error | undefined
  let taken = 0
  const stop = (): void => controller.abort()
  t.signal.addEventListener("abort", stop, { once: true })
  t.defer(async () => stop())
  void (async () => {
    try {
      for await (const event of t.client.resource(ref).watch({ ...options, signal: controller.signal })) {
        events.push(event)
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
    }
  })()
  return {
    events,
    stop,
    next: async (description, matches = () => true, timeoutMs = 30_000) =>
      await t.until(
        `${ref.resource} event: ${description}`,
        () => {
          while (taken < events.length) {
            const event = events[taken++] as WatchEvent<T>
            if (matches(event)) return event
          }
          if (failure instanceof StatusError) throw failure
          return undefined
        },
        timeoutMs,
      ),
  }
}
