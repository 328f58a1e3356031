import { newStatusError, StatusError } from "@ladya/apimachinery"
import { errorMessage, type Logger } from "@ladya/util"
import { mediaTypes, negotiate, type Presentation, wantsPretty } from "../handlers/encoding/media-type.ts"
import { encodeAs } from "../handlers/encoding/respond.ts"
import type { ApiRequest, ApiResponse, Filter } from "../request.ts"

/** How the client likes to read a Status; as readable JSON when it takes nothing that can be written. */
function presentationFor({ headers, query }: Pick<ApiRequest, "headers" | "query">): Presentation {
  try {
    const presentation = negotiate(headers["accept"], { isFixed: true })
    return wantsPretty(query, headers["user-agent"]) ? { ...presentation, isPretty: true } : presentation
  } catch {
    return { format: "json", as: undefined, version: "v1", isPretty: true }
  }
}

/** An error as the answer it becomes: API errors as their Status, anything else as a 500. */
export function errorResponse(error: unknown, request: Pick<ApiRequest, "headers" | "query">): ApiResponse {
  const status =
    error instanceof StatusError
      ? error
      : newStatusError("InternalError", `Internal error occurred: ${errorMessage(error)}`)
  const presentation = presentationFor(request)
  const headers: Record<string, string> = { "Content-Type": mediaTypes[presentation.format] }
  const retryAfter = status.status.details?.retryAfterSeconds
  if (retryAfter) headers["Retry-After"] = String(retryAfter)
  if (status.code === 401) headers["WWW-Authenticate"] = 'Bearer realm="kubernetes-master"'
  return { status: status.code, headers, body: encodeAs(presentation, status.status) }
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
      return errorResponse(error, request)
    }
  }
}
