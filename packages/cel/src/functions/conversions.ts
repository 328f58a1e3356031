import { CelError } from "../runtime/errors.ts"
import { CelDuration, CelTimestamp, CelTypeValue, CelUint, sizeOf, typeNameOf } from "../runtime/values.ts"
import { checkedInt } from "./operators.ts"
import { define, type Overload, traverse } from "./overload.ts"
import { durationText, parseDuration, parseTimestamp, timestampText } from "./time.ts"

const identity = (value: unknown): unknown => value

function wholeNumber(value: number, what: string): bigint {
  if (!Number.isFinite(value) || value >= 2 ** 63 || value <= -(2 ** 63)) throw new CelError(`${what} overflow`)
  return BigInt(Math.trunc(value))
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf"
  if (value === Number.NEGATIVE_INFINITY) return "-Inf"
  const exponent = Math.abs(value)
  if (value !== 0 && (exponent < 1e-4 || exponent >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2")
  }
  return String(value)
}

function parsed(text: string, pattern: RegExp, type: string): bigint {
  if (!pattern.test(text)) throw new CelError(`type conversion error from 'string' to '${type}'`)
  return BigInt(text.replace(/^\+/, ""))
}

function toDouble(text: string): number {
  if (/^[+-]?inf(inity)?$/i.test(text))
    return text.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^nan$/i.test(text)) return Number.NaN
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    throw new CelError("type conversion error from 'string' to 'double'")
  }
  return Number(text)
}

const bools = new Map<string, boolean>([
  ...["1", "t", "true", "TRUE", "True", "T"].map((text) => [text, true] as const),
  ...["0", "f", "false", "FALSE", "False", "F"].map((text) => [text, false] as const),
])

function required<T>(value: T | undefined, type: string): T {
  if (value === undefined) throw new CelError(`type conversion error from 'string' to '${type}'`)
  return value
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CelError("invalid UTF-8 in bytes, cannot convert to string")
  }
}

const along = {
  cost: ([size = 0]: readonly number[]) => Math.max(1, traverse(size)),
  size: ([size = 0]: readonly number[]) => size,
}
const size = (value: unknown): bigint => BigInt(sizeOf(value))
const sized = ["string", "bytes", "list<A>", "map<A, B>"]

/** Conversions between types, `size`, `type` and `dyn`. */
export const conversions: readonly Overload[] = [
  ...sized.flatMap((type) => [define(`size(${type}): int`, size), define(`${type}:size(): int`, size)]),
  define("dyn(A): dyn", identity),
  define("type(A): type", (value: unknown) => new CelTypeValue(typeNameOf(value))),
  define("bool(bool): bool", identity),
  define("bool(string): bool", (text: string) => required(bools.get(text), "bool")),
  define("int(int): int", identity),
  define("int(uint): int", (value: CelUint) => checkedInt(value.value)),
  define("int(double): int", (value: number) => wholeNumber(value, "integer")),
  define("int(string): int", (text: string) => checkedInt(parsed(text, /^[+-]?\d+$/, "int"))),
  define("int(timestamp): int", (time: CelTimestamp) => time.nanos / 1_000_000_000n),
  define("int(duration): int", (duration: CelDuration) => duration.nanos),
  define("uint(uint): uint", identity),
  define("uint(int): uint", (value: bigint) => new CelUint(value)),
  define("uint(double): uint", (value: number) => {
    if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) throw new CelError("unsigned integer overflow")
    return new CelUint(BigInt(Math.trunc(value)))
  }),
  define("uint(string): uint", (text: string) => new CelUint(parsed(text, /^\+?\d+$/, "uint"))),
  define("double(double): double", identity),
  define("double(int): double", (value: bigint) => Number(value)),
  define("double(uint): double", (value: CelUint) => Number(value.value)),
  define("double(string): double", toDouble),
  define("string(string): string", identity, { size: along.size }),
  define("string(bool): string", (value: boolean) => String(value)),
  define("string(int): string", (value: bigint) => String(value)),
  define("string(uint): string", (value: CelUint) => String(value.value)),
  define("string(double): string", numberText),
  define("string(bytes): string", utf8, along),
  define("string(timestamp): string", timestampText),
  define("string(duration): string", durationText),
  define("bytes(bytes): bytes", identity, { size: along.size }),
  define("bytes(string): bytes", (text: string) => new TextEncoder().encode(text), along),
  define("timestamp(timestamp): timestamp", identity),
  define("timestamp(string): timestamp", (text: string) => required(parseTimestamp(text), "timestamp")),
  define("timestamp(int): timestamp", (seconds: bigint) => new CelTimestamp(seconds * 1_000_000_000n)),
  define("duration(duration): duration", identity),
  define("duration(string): duration", (text: string) => required(parseDuration(text), "duration")),
  define("duration(int): duration", (nanos: bigint) => new CelDuration(nanos)),
]

export { numberText }
