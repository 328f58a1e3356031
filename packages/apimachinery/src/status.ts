import { type FieldError, fieldErrorBody, fieldErrorText } from "./field-error.ts"
import type { Status, StatusDetails } from "./generated/metav1.ts"

/** The reasons of the API and the HTTP status each is sent with. docs/reference/errors.md lists them. */
export const statusReasons = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
  StoreReadError: 500,
  Unknown: 500,
} as const

export type StatusReason = keyof typeof statusReasons

/** An error of the API: carries the Status object that is sent. */
export class StatusError extends Error {
  override name = "StatusError"
  readonly status: Status

  constructor(status: Status) {
    super(status.message ?? status.reason ?? "unknown error")
    this.status = status
  }

  get code(): number {
    return this.status.code ?? 500
  }

  get reason(): string {
    return this.status.reason ?? "Unknown"
  }
}

/** A StatusError of this reason; the code comes from the table. */
export function newStatusError(reason: StatusReason, message: string, details?: StatusDetails): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details ? { details } : {}),
    code: statusReasons[reason],
  })
}

interface Named {
  group: string
  /** The plural resource. */
  resource: string
}

const qualified = (target: Named): string => (target.group ? `${target.resource}.${target.group}` : target.resource)

function detailsOf(target: Named, name: string): StatusDetails {
  return { name, ...(target.group ? { group: target.group } : {}), kind: target.resource }
}

/** Makers of the errors that are common to all resources, worded as the API words them. */
export const statusError = {
  badRequest: (message: string) => newStatusError("BadRequest", message),
  unauthorized: (message = "Unauthorized") => newStatusError("Unauthorized", message),
  notFound: (target: Named, name: string) =>
    newStatusError("NotFound", `${qualified(target)} ${JSON.stringify(name)} not found`, detailsOf(target, name)),
  alreadyExists: (target: Named, name: string) =>
    newStatusError(
      "AlreadyExists",
      `${qualified(target)} ${JSON.stringify(name)} already exists`,
      detailsOf(target, name),
    ),
  conflict: (target: Named, name: string, why: string) =>
    newStatusError(
      "Conflict",
      `Operation cannot be fulfilled on ${qualified(target)} ${JSON.stringify(name)}: ${why}`,
      detailsOf(target, name),
    ),
  forbidden: (target: Named, name: string, why: string) =>
    newStatusError(
      "Forbidden",
      name
        ? `${qualified(target)} ${JSON.stringify(name)} is forbidden: ${why}`
        : `${qualified(target)} is forbidden: ${why}`,
      detailsOf(target, name),
    ),
  expired: (message: string) => newStatusError("Expired", message),
  internal: (why: string) => newStatusError("InternalError", `Internal error occurred: ${why}`),
  /** 422 with every wrong field named. */
  invalid: (kind: { group: string; kind: string }, name: string, errors: readonly FieldError[]) => {
    const texts = errors.map(fieldErrorText)
    const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`
    const qualifiedKind = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
    return newStatusError("Invalid", `${qualifiedKind} ${JSON.stringify(name)} is invalid: ${list}`, {
      name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.kind,
      causes: errors.map((error) => ({
        reason: error.type,
        message: fieldErrorBody(error),
        field: error.field,
      })),
    })
  },
}

/** Whether the error is an API error of one of these reasons. */
export function isStatus(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return error instanceof StatusError && (reasons as string[]).includes(error.reason)
}
