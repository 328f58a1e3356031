import { type metav1, newStatusError, StatusError, type StatusReason, statusReasons } from "@ladya/apimachinery"

/** The API could not be reached, or the connection broke before the answer was whole. */
export class ConnectionError extends Error {
  override name = "ConnectionError"
  /** Whether the call may be sent again at once: it certainly did nothing, and a new connection may do better. */
  readonly repeatable: boolean

  constructor(message: string, options: { cause?: unknown; repeatable?: boolean } = {}) {
    super(message, { cause: options.cause })
    this.repeatable = options.repeatable ?? false
  }
}

const reasonByCode = new Map<number, StatusReason>([
  [400, "BadRequest"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "NotFound"],
  [405, "MethodNotAllowed"],
  [406, "NotAcceptable"],
  [409, "Conflict"],
  [410, "Gone"],
  [413, "RequestEntityTooLarge"],
  [415, "UnsupportedMediaType"],
  [422, "Invalid"],
  [429, "TooManyRequests"],
  [500, "InternalError"],
  [503, "ServiceUnavailable"],
  [504, "Timeout"],
])

function isStatusBody(value: unknown): value is metav1.Status {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "Status"
}

/** The error of an answer whose HTTP status is 400 or more. */
export function errorOfAnswer(code: number, body: Buffer): StatusError {
  const text = body.toString("utf8")
  try {
    const value: unknown = JSON.parse(text)
    if (isStatusBody(value)) return new StatusError({ code, ...value })
  } catch {
    // Not JSON: something between here and the API server answered.
  }
  const reason = reasonByCode.get(code) ?? "Unknown"
  const shown = text.length > 512 ? `${text.slice(0, 512)}…` : text
  const message =
    code === 404
      ? "the server could not find the requested resource"
      : `the server answered ${code}${shown.trim() ? `: ${shown.trim()}` : ""}`
  const error = newStatusError(reason, message)
  return statusReasons[reason] === code ? error : new StatusError({ ...error.status, code })
}

/** The error of an ERROR event in a watch. */
export function errorOfEvent(object: unknown): StatusError {
  if (isStatusBody(object)) return new StatusError(object)
  return newStatusError("InternalError", `unexpected error event in a watch: ${JSON.stringify(object)}`)
}
