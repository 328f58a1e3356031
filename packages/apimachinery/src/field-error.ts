/** The kinds of field errors; the values are the `reason` of a Status cause. */
export type FieldErrorType =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueDuplicate"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueNotFound"
  | "FieldValueTypeInvalid"
  | "InternalError"

const words: Record<FieldErrorType, string> = {
  FieldValueRequired: "Required value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  FieldValueNotFound: "Not found",
  FieldValueTypeInvalid: "Invalid value",
  InternalError: "Internal error",
}

/** One wrong field: its path as `spec.containers[0].image`, and what would be right. */
export interface FieldError {
  type: FieldErrorType
  field: string
  badValue: unknown
  detail: string
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return "null"
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "object") return JSON.stringify(value)
  return String(value)
}

/** What stands behind the field path: `Invalid value: "x": must be …`. */
export function fieldErrorBody(error: FieldError): string {
  const word = words[error.type]
  const withoutValue =
    error.type === "FieldValueRequired" ||
    error.type === "FieldValueForbidden" ||
    error.type === "FieldValueTooLong" ||
    error.type === "InternalError"
  const head = withoutValue ? word : `${word}: ${valueText(error.badValue)}`
  return error.detail ? `${head}: ${error.detail}` : head
}

/** The whole text: `spec.x: Invalid value: "y": must be …`. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`
}

const make =
  (type: FieldErrorType) =>
  (field: string, badValue: unknown, detail = ""): FieldError => ({ type, field, badValue, detail })

/** Makers of field errors, named as upstream names them. */
export const fieldError = {
  required: (field: string, detail = ""): FieldError => ({
    type: "FieldValueRequired",
    field,
    badValue: "",
    detail,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    type: "FieldValueForbidden",
    field,
    badValue: "",
    detail,
  }),
  invalid: make("FieldValueInvalid"),
  typeInvalid: make("FieldValueTypeInvalid"),
  duplicate: make("FieldValueDuplicate"),
  notFound: make("FieldValueNotFound"),
  notSupported: (field: string, badValue: unknown, supported: readonly string[]): FieldError => ({
    type: "FieldValueNotSupported",
    field,
    badValue,
    detail: `supported values: ${supported.map((value) => JSON.stringify(value)).join(", ")}`,
  }),
  tooLong: (field: string, maxLength: number): FieldError => ({
    type: "FieldValueTooLong",
    field,
    badValue: "",
    detail: `may not be more than ${maxLength} bytes`,
  }),
  tooMany: (field: string, actual: number, maximum: number): FieldError => ({
    type: "FieldValueTooMany",
    field,
    badValue: actual,
    detail: `must have at most ${maximum} items`,
  }),
}
