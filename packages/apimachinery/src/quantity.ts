/** How a quantity is written: `1500m` and `2k`, `2Ki`, or `2e3`. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent"

/** An amount of a resource, exact to a billionth. */
export interface Quantity {
  /** The value times 10^9. */
  readonly nanos: bigint
  readonly format: QuantityFormat
}

/** What functions on quantities take: the text or number of the API, or one that is parsed. */
export type QuantityLike = Quantity | string | number

/** The text is no quantity. */
export class QuantityError extends Error {
  override name = "QuantityError"
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const wrongSuffix = "unable to parse quantity's suffix"

const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
}
const decimalNames = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]))
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]

const billion = 1_000_000_000n
const million = 1_000_000n
/** No quantity is larger than 2^63-1, in either direction: larger ones are cut. */
const largest = (2n ** 63n - 1n) * billion

const pattern = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/

interface Scale {
  format: QuantityFormat
  /** Powers of ten, or of two for BinarySI. */
  exponent: number
}

function scaleOf(suffix: string): Scale {
  if (Object.hasOwn(decimalSuffixes, suffix))
    return { format: "DecimalSI", exponent: decimalSuffixes[suffix] as number }
  const binary = binarySuffixes.indexOf(suffix)
  if (binary > 0) return { format: "BinarySI", exponent: binary * 10 }
  const power = /^[eE]([-+]?\d{1,18})$/.exec(suffix)
  if (power) return { format: "DecimalExponent", exponent: Number(power[1]) }
  throw new QuantityError(wrongSuffix)
}

/** `digits` times 10^`exponent` in nanos, rounded away from zero; cut at the largest quantity. */
function scaled(digits: bigint, exponent: number): bigint {
  if (digits === 0n) return 0n
  const power = exponent + 9
  // Far outside the range the answer is known; the power itself could take for ever.
  if (power > 1000) return largest
  if (power < -5000) return 1n
  if (power >= 0) return digits * 10n ** BigInt(power)
  const divisor = 10n ** BigInt(-power)
  return (digits + divisor - 1n) / divisor
}

function parse(text: string): Quantity {
  const match = text.length <= 1024 ? pattern.exec(text) : null
  if (!match) throw new QuantityError(wrongFormat)
  const [, sign, whole = "", fraction = "", suffix = ""] = match
  if (whole === "" && fraction === "") throw new QuantityError(wrongFormat)
  const scale = scaleOf(suffix)
  const digits = BigInt(whole + fraction)
  let nanos: bigint
  let format = scale.format
  if (format === "BinarySI") {
    nanos = scaled(digits * 2n ** BigInt(scale.exponent), -fraction.length)
    if (nanos > 0n && nanos < billion) format = "DecimalSI"
  } else nanos = scaled(digits, scale.exponent - fraction.length)
  if (nanos > largest) nanos = largest
  return { nanos: sign === "-" ? -nanos : nanos, format }
}

// The same few texts stand in every pod; the memory is bounded by starting over.
const parsed = new Map<string, Quantity>()

/** Parses a quantity. Throws a QuantityError. */
export function parseQuantity(value: QuantityLike): Quantity {
  if (typeof value === "object") return value
  const text = typeof value === "number" ? String(value) : value
  const known = parsed.get(text)
  if (known) return known
  const quantity = Object.freeze(parse(text))
  if (parsed.size >= 4096) parsed.clear()
  parsed.set(text, quantity)
  return quantity
}

/** Whether the value is a quantity. */
export function isQuantity(value: unknown): value is string | number {
  if (typeof value !== "string" && typeof value !== "number") return false
  try {
    parseQuantity(value)
    return true
  } catch {
    return false
  }
}

function decimalText(nanos: bigint, format: QuantityFormat): string {
  let exponent = -9
  let mantissa = nanos
  while (mantissa % 1000n === 0n && exponent < 18) {
    mantissa /= 1000n
    exponent += 3
  }
  if (format === "DecimalExponent") return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`
  return `${mantissa}${decimalNames.get(exponent)}`
}

/** The canonical text: no fraction, the largest suffix that keeps it exact. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return "0"
  const size = nanos < 0n ? -nanos : nanos
  if (format !== "BinarySI" || size < 1024n * billion || nanos % billion !== 0n) {
    return decimalText(nanos, format === "BinarySI" ? "DecimalSI" : format)
  }
  let mantissa = nanos / billion
  let step = 0
  while (mantissa % 1024n === 0n && step < binarySuffixes.length - 1) {
    mantissa /= 1024n
    step++
  }
  return `${mantissa}${binarySuffixes[step]}`
}

const canonical = new Map<string, string>()

/** The canonical text of a quantity: `0.5` is `500m`, `1024Mi` is `1Gi`. Throws a QuantityError. */
export function canonicalQuantity(value: string | number): string {
  const text = typeof value === "number" ? String(value) : value
  const known = canonical.get(text)
  if (known !== undefined) return known
  const result = formatQuantity(parseQuantity(text))
  if (canonical.size >= 4096) canonical.clear()
  canonical.set(text, result)
  return result
}

/** Below zero, zero or above it, as sorting wants it. */
export function compareQuantities(a: QuantityLike, b: QuantityLike): number {
  const left = parseQuantity(a).nanos
  const right = parseQuantity(b).nanos
  return left < right ? -1 : left > right ? 1 : 0
}

/** The sum, written as the first is; as the second when the first is zero. */
export function addQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const left = parseQuantity(a)
  const right = parseQuantity(b)
  return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format }
}

/** The difference, written as the first is; as the second when the first is zero. */
export function subtractQuantities(a: QuantityLike, b: QuantityLike): Quantity {
  const right = parseQuantity(b)
  return addQuantities(a, { nanos: -right.nanos, format: right.format })
}

function ceilDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value % divisor > 0n ? quotient + 1n : quotient
}

/** The value as a whole number, rounded up: bytes, pods, cores. */
export function quantityToNumber(value: QuantityLike): number {
  return Number(ceilDivide(parseQuantity(value).nanos, billion))
}

/** Thousandths, rounded up: millicores. */
export function quantityToMilli(value: QuantityLike): number {
  return Number(ceilDivide(parseQuantity(value).nanos, million))
}

/** The value as it is, fraction and all; may lose digits. */
export function quantityToFloat(value: QuantityLike): number {
  return Number(parseQuantity(value).nanos) / 1e9
}

/** A quantity of a whole number. */
export function quantityFromNumber(value: number, format: QuantityFormat = "DecimalSI"): Quantity {
  return { nanos: BigInt(Math.round(value)) * billion, format }
}

/** A quantity of thousandths. */
export function quantityFromMilli(milli: number, format: QuantityFormat = "DecimalSI"): Quantity {
  return { nanos: BigInt(Math.round(milli)) * million, format }
}
