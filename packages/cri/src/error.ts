/** gRPC status codes by number. */
export const grpcCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const

export type GrpcCode = (typeof grpcCodes)[number]

/** What each code is called in Go's texts of gRPC errors. */
const goNames: Record<GrpcCode, string> = {
  OK: "OK",
  CANCELLED: "Canceled",
  UNKNOWN: "Unknown",
  INVALID_ARGUMENT: "InvalidArgument",
  DEADLINE_EXCEEDED: "DeadlineExceeded",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  PERMISSION_DENIED: "PermissionDenied",
  RESOURCE_EXHAUSTED: "ResourceExhausted",
  FAILED_PRECONDITION: "FailedPrecondition",
  ABORTED: "Aborted",
  OUT_OF_RANGE: "OutOfRange",
  UNIMPLEMENTED: "Unimplemented",
  INTERNAL: "Internal",
  UNAVAILABLE: "Unavailable",
  DATA_LOSS: "DataLoss",
  UNAUTHENTICATED: "Unauthenticated",
}

/** A call to the runtime failed. `message` is the runtime's own text; `rpcText` is worded as Go clients word it. */
export class CriError extends Error {
  override name = "CriError"
  readonly code: GrpcCode
  readonly method: string

  constructor(code: GrpcCode, message: string, method: string) {
    super(message)
    this.code = code
    this.method = method
  }

  /** `rpc error: code = NotFound desc = …`: the form in which users know these errors from events and statuses. */
  get rpcText(): string {
    return `rpc error: code = ${goNames[this.code]} desc = ${this.message}`
  }
}

/** Whether the error came from the runtime with one of these codes. */
export function isCriError(error: unknown, ...codes: GrpcCode[]): error is CriError {
  return error instanceof CriError && (codes.length === 0 || codes.includes(error.code))
}
