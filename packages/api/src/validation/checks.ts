import {
  compareQuantities,
  type FieldError,
  fieldError,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isPortName,
  isPortNumber,
  isQualifiedName,
  isQuantity,
  semanticEqual,
} from "@ladya/apimachinery"

/** Where the checks below put what they find: validation reports all wrong fields at once. */
export type Errors = FieldError[]

export const immutableMessage = "field is immutable"
export const negativeMessage = "must be greater than or equal to 0"
export const notPositiveMessage = "must be greater than zero"

/** One `Invalid value` per message. */
export function checkTexts(errors: Errors, path: string, value: unknown, messages: readonly string[]): void {
  for (const message of messages) errors.push(fieldError.invalid(path, value, message))
}

/** Requires a value; true when it is there. */
export function checkRequired(errors: Errors, path: string, value: unknown, detail = ""): boolean {
  if (value !== undefined && value !== null && value !== "") return true
  errors.push(fieldError.required(path, detail))
  return false
}

/** Requires one of `supported`; an absent value is reported as required. */
export function checkOneOf(
  errors: Errors,
  path: string,
  value: string | undefined,
  supported: readonly string[],
  requiredDetail = "",
): void {
  if (!value) errors.push(fieldError.required(path, requiredDetail))
  else checkSupported(errors, path, value, supported)
}

/** Allows absence. */
export function checkSupported(
  errors: Errors,
  path: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value !== undefined && !supported.includes(value)) errors.push(fieldError.notSupported(path, value, supported))
}

export function checkNonNegative(errors: Errors, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(fieldError.invalid(path, value, negativeMessage))
}

export function checkPositive(errors: Errors, path: string, value: number | undefined): void {
  if (value !== undefined && value <= 0) errors.push(fieldError.invalid(path, value, notPositiveMessage))
}

export function checkImmutable(errors: Errors, path: string, next: unknown, previous: unknown): void {
  if (!semanticEqual(next, previous)) errors.push(fieldError.invalid(path, next, immutableMessage))
}

export function checkDnsLabel(errors: Errors, path: string, value: string): void {
  checkTexts(errors, path, value, isDns1123Label(value))
}

export function checkDns1035Label(errors: Errors, path: string, value: string): void {
  checkTexts(errors, path, value, isDns1035Label(value))
}

export function checkDnsSubdomain(errors: Errors, path: string, value: string): void {
  checkTexts(errors, path, value, isDns1123Subdomain(value))
}

/** The key of a label. */
export function checkLabelName(errors: Errors, path: string, value: string): void {
  checkTexts(errors, path, value, isQualifiedName(value))
}

/** A port given by number or by name. */
export function checkPort(errors: Errors, path: string, port: number | string | undefined): void {
  const value = port ?? 0
  checkTexts(errors, path, value, typeof value === "number" ? isPortNumber(value) : isPortName(value))
}

/** True when the value is a quantity that is not negative. */
export function checkQuantity(errors: Errors, path: string, value: string): boolean {
  if (!isQuantity(value)) {
    const detail = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    errors.push(fieldError.invalid(path, value, detail))
    return false
  }
  if (compareQuantities(value, "0") < 0) {
    errors.push(fieldError.invalid(path, value, negativeMessage))
    return false
  }
  return true
}

/** Items below a list, with their paths. */
export function indexed<T>(
  path: string,
  list: readonly T[] | undefined,
): readonly (readonly [item: T, path: string, index: number])[] {
  if (list === undefined || list.length === 0) return noItems
  // An array, for it is asked many times in every write: a generator costs three times as much.
  return list.map((item, index) => [item, `${path}[${index}]`, index])
}

const noItems: readonly never[] = []
