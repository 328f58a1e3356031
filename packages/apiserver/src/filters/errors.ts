import { newStatusError, StatusError } from "@ladya/apimachinery"
import { errorMessage, type Logger } from "@ladya/util"
import type { ApiResponse, Filter } from "../request.ts"

/** An error as the answer it becomes: API errors as their Status, anything else as a 500. */
export function errorResponse(error: unknown): ApiResponse {
  const status =
    error instanceof StatusError
      ? error
      : newStatusError("InternalError", `Internal error occurred: ${errorMessage(error)}`)
  const headers: Record<string, string> = { "Content-Type": "application/json" }
  const retryAfter = status.status.details?.retryAfterSeconds
  if (retryAfter) headers["Retry-After"] = String(retryAfter)
  if (status.code === 401) headers["WWW-Authenticate"] = 'Bearer realm="kubernetes-master"'
  return { status: status.code, headers, body: Buffer.from(JSON.stringify(status.status)) }
}

/** Turns what is thrown into Statuses; a bug is logged and answered with a 500, and the server lives on. */
export function withErrors(log: Logger): Filter {
  return (next) => async (request) => {
    try {
      return await next(request)
    } catch (error) {
      if (!(error instanceof StatusError) && !request.signal.aborted) {
        log.error("request failed", { id: request.id, method: request.method, path: request.path, error })
      }
      return errorResponse(error)
    }
  }
}
