import type { Clock } from "./clock.ts"

/** A promise with its handles outside. */
export interface Deferred<T> {
  promise: Promise<T>
  resolve(value: T): void
  reject(reason: unknown): void
}

export function newDeferred<T>(): Deferred<T> {
  return Promise.withResolvers<T>()
}

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener("abort", onAbort)
      resolve()
    }, ms)
    signal?.addEventListener("abort", onAbort, { once: true })
  })
}

/** An AbortSignal that fires after `ms` on this clock, or when `parent` does. Call `clear` when done. */
export function timeoutSignal(
  clock: Clock,
  ms: number,
  parent?: AbortSignal,
): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController()
  const timer = clock.setTimeout(() => controller.abort(new TimeoutError(`timed out after ${ms} ms`)), ms, {
    unref: true,
  })
  const onAbort = (): void => controller.abort(parent?.reason)
  if (parent?.aborted) onAbort()
  else parent?.addEventListener("abort", onAbort, { once: true })
  return {
    signal: controller.signal,
    clear: () => {
      timer.cancel()
      parent?.removeEventListener("abort", onAbort)
    },
  }
}

export class TimeoutError extends Error {
  override name = "TimeoutError"
}

export interface WaitOptions {
  /** What is waited for; named in the error. */
  description: string
  timeoutMs: number
  intervalMs?: number
  signal?: AbortSignal
}

/**
 * Polls `condition` until it returns something truthy, and returns that.
 * Throws a TimeoutError that names the condition, and the last error it threw, when time runs out.
 */
export async function waitFor<T>(
  clock: Clock,
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, false | null | undefined | 0 | "">> {
  const end = clock.monotonic() + options.timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value as Exclude<T, false | null | undefined | 0 | "">
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (clock.monotonic() >= end) {
      const why = lastError instanceof Error ? `; last error: ${lastError.message}` : ""
      throw new TimeoutError(`timed out after ${options.timeoutMs} ms waiting for ${options.description}${why}`)
    }
    await sleep(clock, options.intervalMs ?? 50, options.signal)
  }
}

/** Runs tasks one after another, in the order of their arrival. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task, task)
    this.#tail = result.catch(() => undefined)
    return result
  }
}

/** Runs `task` over `items`, at most `limit` at once; the first error rejects after the running ones ended. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  task: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let failed = false
  const workers = Array.from({ length: Math.min(limit, items.length) }, async () => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await task(items[index] as T, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  })
  const settled = await Promise.allSettled(workers)
  const rejected = settled.find((result) => result.status === "rejected")
  if (rejected) throw rejected.reason
  return results
}
