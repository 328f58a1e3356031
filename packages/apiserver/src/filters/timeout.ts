import { newStatusError } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { ApiRequest, ApiResponse, Filter, hijacked } from "../request.ts"
import { isTrue } from "../request-info.ts"

const longRunningSubresources = new Set(["attach", "exec", "proxy", "log", "portforward"])

/** Watches and streams last as long as they like, and do not count as requests in flight. */
export function isLongRunning(request: ApiRequest): boolean {
  const { info } = request
  if (!info.isResource) return false
  if (info.verb === "watch") return true
  if (info.subresource === "log") return isTrue(request.query.get("follow"))
  return longRunningSubresources.has(info.subresource)
}

/** Answers 504 when a request takes longer than this. What it still does is not undone. */
export function withTimeout(clock: Clock, timeoutMs: number): Filter {
  return (next) => (request) => {
    if (isLongRunning(request)) return next(request)
    const { promise, resolve, reject } = Promise.withResolvers<ApiResponse | typeof hijacked>()
    const timer = clock.setTimeout(
      () => {
        const message = `request did not complete within the allotted timeout`
        reject(newStatusError("Timeout", `Timeout: ${message}`, { retryAfterSeconds: 1 }))
      },
      timeoutMs,
      { unref: true },
    )
    next(request)
      .then(resolve, reject)
      .finally(() => timer.cancel())
    return promise
  }
}
