import { newStatusError } from "@ladya/apimachinery"
import type { Filter } from "../request.ts"
import { isLongRunning } from "./timeout.ts"

const readOnly = new Set(["get", "list", "watch"])

export interface FlowControlOptions {
  maxReads: number
  maxWrites: number
}

/** At most so many requests at once; more are sent back with 429. Long-running ones and administrators do not count. */
export function withFlowControl(options: FlowControlOptions): Filter {
  let reads = 0
  let writes = 0
  return (next) => async (request) => {
    if (isLongRunning(request) || request.user?.groups.includes("system:masters")) return next(request)
    const isRead = readOnly.has(request.info.verb)
    if (isRead ? reads >= options.maxReads : writes >= options.maxWrites) {
      throw newStatusError("TooManyRequests", "too many requests, please try again later", { retryAfterSeconds: 1 })
    }
    if (isRead) reads++
    else writes++
    try {
      return await next(request)
    } finally {
      if (isRead) reads--
      else writes--
    }
  }
}
