import { type ServiceError, status } from "@grpc/grpc-js"
import { StoreUnavailableError } from "../store.ts"

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && "code" in error && "details" in error

/** Another member, or the same one a little later, may do better. */
export const isTransient = (error: unknown): boolean =>
  isServiceError(error) &&
  [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.INTERNAL].includes(error.code)

const says = (error: unknown, text: string): boolean => isServiceError(error) && error.details.includes(text)

// etcd tells these apart by their text alone: both are OUT_OF_RANGE.
export const isCompacted = (error: unknown): boolean => says(error, "required revision has been compacted")

export const isFutureRevision = (error: unknown): boolean => says(error, "required revision is a future revision")

export const isLeaseNotFound = (error: unknown): boolean => says(error, "requested lease not found")

/** What callers see of an error that is none of the store's own conditions. */
export function rethrow(error: unknown): never {
  if (!isServiceError(error)) throw error
  const isRefusal = [
    status.RESOURCE_EXHAUSTED,
    status.UNAUTHENTICATED,
    status.PERMISSION_DENIED,
    status.FAILED_PRECONDITION,
  ].includes(error.code)
  if (isRefusal || isTransient(error)) throw new StoreUnavailableError(error.details, { cause: error })
  throw new Error(error.details, { cause: error })
}
