import { celEquals, compareNumbers, RelationalList } from "../runtime/equality.ts"
import { CelError } from "../runtime/errors.ts"
import { CelDuration, type CelMap, CelTimestamp, CelUint, isMap } from "../runtime/values.ts"
import { define, type Overload, traverse } from "./overload.ts"

const maxInt = 2n ** 63n

/** An int, or the error of one that is too large. */
export function checkedInt(value: bigint): bigint {
  if (value >= maxInt || value < -maxInt) throw new CelError("integer overflow")
  return value
}

const divisor = (value: bigint, what: string): bigint => {
  if (value === 0n) throw new CelError(what)
  return value
}

const arithmetic: Overload[] = [
  define("_+_(int, int): int", (a: bigint, b: bigint) => checkedInt(a + b)),
  define("_-_(int, int): int", (a: bigint, b: bigint) => checkedInt(a - b)),
  define("_*_(int, int): int", (a: bigint, b: bigint) => checkedInt(a * b)),
  define("_/_(int, int): int", (a: bigint, b: bigint) => checkedInt(a / divisor(b, "division by zero"))),
  define("_%_(int, int): int", (a: bigint, b: bigint) => a % divisor(b, "modulus by zero")),
  define("-_(int): int", (a: bigint) => checkedInt(-a)),
  define("_+_(uint, uint): uint", (a: CelUint, b: CelUint) => new CelUint(a.value + b.value)),
  define("_-_(uint, uint): uint", (a: CelUint, b: CelUint) => new CelUint(a.value - b.value)),
  define("_*_(uint, uint): uint", (a: CelUint, b: CelUint) => new CelUint(a.value * b.value)),
  define(
    "_/_(uint, uint): uint",
    (a: CelUint, b: CelUint) => new CelUint(a.value / divisor(b.value, "division by zero")),
  ),
  define(
    "_%_(uint, uint): uint",
    (a: CelUint, b: CelUint) => new CelUint(a.value % divisor(b.value, "modulus by zero")),
  ),
  define("_+_(double, double): double", (a: number, b: number) => a + b),
  define("_-_(double, double): double", (a: number, b: number) => a - b),
  define("_*_(double, double): double", (a: number, b: number) => a * b),
  define("_/_(double, double): double", (a: number, b: number) => a / b),
  define("-_(double): double", (a: number) => -a),
]

const joined = {
  cost: ([a = 0, b = 0]: readonly number[]) => traverse(a + b),
  size: ([a = 0, b = 0]: readonly number[]) => a + b,
}

const sums: Overload[] = [
  define("_+_(string, string): string", (a: string, b: string) => a + b, joined),
  define("_+_(bytes, bytes): bytes", (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]), joined),
  define("_+_(list<A>, list<A>): list<A>", addLists, { size: joined.size }),
  define(
    "_+_(timestamp, duration): timestamp",
    (a: CelTimestamp, b: CelDuration) => new CelTimestamp(a.nanos + b.nanos),
  ),
  define(
    "_+_(duration, timestamp): timestamp",
    (a: CelDuration, b: CelTimestamp) => new CelTimestamp(a.nanos + b.nanos),
  ),
  define("_+_(duration, duration): duration", (a: CelDuration, b: CelDuration) => new CelDuration(a.nanos + b.nanos)),
  define(
    "_-_(timestamp, timestamp): duration",
    (a: CelTimestamp, b: CelTimestamp) => new CelDuration(a.nanos - b.nanos),
  ),
  define(
    "_-_(timestamp, duration): timestamp",
    (a: CelTimestamp, b: CelDuration) => new CelTimestamp(a.nanos - b.nanos),
  ),
  define("_-_(duration, duration): duration", (a: CelDuration, b: CelDuration) => new CelDuration(a.nanos - b.nanos)),
]

/** Lists add up; sets become their union; of lists that are maps, an item of the right takes the place of its like. */
function addLists(a: unknown[], b: unknown[]): unknown[] {
  if (!(a instanceof RelationalList)) return [...a, ...b]
  const { keyOf } = a
  const result = [...a]
  for (const item of b) {
    const at = result.findIndex((other) => (keyOf ? keyOf(other) === keyOf(item) : celEquals(other, item)))
    if (at < 0) result.push(item)
    else if (keyOf) result[at] = item
  }
  return result
}

type Orderable = bigint | number | CelUint | string | boolean | CelTimestamp | CelDuration | Uint8Array

/** Orders two values of one type, or two numbers. */
export function compareValues(a: Orderable, b: Orderable): number {
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b)
  if ((a instanceof CelTimestamp || a instanceof CelDuration) && b instanceof a.constructor) {
    const other = (b as CelDuration).nanos
    return a.nanos < other ? -1 : a.nanos > other ? 1 : 0
  }
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    for (let index = 0; index < Math.min(a.length, b.length); index++) {
      if (a[index] !== b[index]) return a[index]! - b[index]!
    }
    return a.length - b.length
  }
  return compareNumbers(a as bigint, b as bigint)
}

/** Texts in the order of their code points, which is not that of their UTF-16 units. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index)
    const right = b.charCodeAt(index)
    if (left === right) continue
    const leftHigh = left >= 0xd800 && left <= 0xdfff
    const rightHigh = right >= 0xd800 && right <= 0xdfff
    if (leftHigh !== rightHigh) return leftHigh ? 1 : -1
    return left - right
  }
  return a.length - b.length
}

const numbers = ["int", "uint", "double"]
const ordered = [
  ...["bool", "string", "bytes", "timestamp", "duration"].map((name) => [name, name]),
  ...numbers.flatMap((left) => numbers.map((right) => [left, right])),
]
const smaller = { cost: ([a = 0, b = 0]: readonly number[]) => Math.max(1, traverse(Math.min(a, b))) }

const comparisons: Overload[] = ordered.flatMap(([left, right]) => [
  define(`_<_(${left}, ${right}): bool`, (a: Orderable, b: Orderable) => compareValues(a, b) < 0, smaller),
  define(`_<=_(${left}, ${right}): bool`, (a: Orderable, b: Orderable) => compareValues(a, b) <= 0, smaller),
  define(`_>_(${left}, ${right}): bool`, (a: Orderable, b: Orderable) => compareValues(a, b) > 0, smaller),
  define(`_>=_(${left}, ${right}): bool`, (a: Orderable, b: Orderable) => compareValues(a, b) >= 0, smaller),
])

const membership = { cost: ([, size = 0]: readonly number[]) => Math.max(1, size) }

/** The operators of the language but `&&`, `||`, `?:`, selecting and indexing. */
export const operators: readonly Overload[] = [
  ...arithmetic,
  ...sums,
  ...comparisons,
  define("!_(bool): bool", (a: boolean) => !a),
  define("_==_(A, A): bool", celEquals, smaller),
  define("_!=_(A, A): bool", (a: unknown, b: unknown) => !celEquals(a, b), smaller),
  define("@in(A, list<A>): bool", (a: unknown, b: unknown[]) => b.some((item) => celEquals(item, a)), membership),
  define("@in(A, map<A, B>): bool", (a: unknown, b: CelMap) => isMap(b) && b.get(a) !== undefined),
]
