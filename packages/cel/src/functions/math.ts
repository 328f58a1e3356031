import { CelError } from "../runtime/errors.ts"
import type { CelUint } from "../runtime/values.ts"
import { checkedInt, compareValues } from "./operators.ts"
import { define, type Overload } from "./overload.ts"

type Number_ = bigint
const numbers = ["int", "uint", "double"]

function extreme(values: readonly Number_[], sign: number): Number_ {
  if (values.length === 0) throw new CelError("math: empty list")
  return values.reduce((best, value) => (compareValues(value, best) * sign > 0 ? value : best))
}

function extremes(name: string, sign: number): Overload[] {
  const lists = numbers.map((type) =>
    define(`${name}(list<${type}>): ${type}`, (list: Number_[]) => extreme(list, sign)),
  )
  const single = numbers.map((type) => define(`${name}(${type}): ${type}`, (value: Number_) => value))
  const several = [2, 3, 4, 5, 6].flatMap((count) => {
    const call = (...values: Number_[]): Number_ => extreme(values, sign)
    const ofOne = numbers.map((type) => define(`${name}(${Array(count).fill(type).join(", ")}): ${type}`, call))
    return [...ofOne, ...(count === 2 ? mixed(name, call) : [])]
  })
  return [...lists, ...single, ...several]
}

const mixed = (name: string, call: (...values: Number_[]) => Number_): Overload[] =>
  numbers.flatMap((a) => numbers.filter((b) => b !== a).map((b) => define(`${name}(${a}, ${b}): dyn`, call)))

const rounded = (value: number): number => (value < 0 ? -Math.round(-value) : Math.round(value))
const shift = (by: bigint): bigint => {
  if (by < 0n) throw new CelError("math.bitShift() negative offset")
  return by
}

/** The arithmetic that operators have no sign for. */
export const mathFunctions: readonly Overload[] = [
  ...extremes("math.greatest", 1),
  ...extremes("math.least", -1),
  define("math.ceil(double): double", Math.ceil),
  define("math.floor(double): double", Math.floor),
  define("math.round(double): double", rounded),
  define("math.trunc(double): double", Math.trunc),
  define("math.isNaN(double): bool", Number.isNaN),
  define("math.isInf(double): bool", (value: number) => value === Infinity || value === -Infinity),
  define("math.isFinite(double): bool", Number.isFinite),
  define("math.sqrt(double): double", Math.sqrt),
  define("math.sqrt(int): double", (value: bigint) => Math.sqrt(Number(value))),
  define("math.abs(int): int", (value: bigint) => checkedInt(value < 0n ? -value : value)),
  define("math.abs(double): double", Math.abs),
  define("math.abs(uint): uint", (value: CelUint) => value),
  define("math.sign(int): int", (value: bigint) => (value > 0n ? 1n : value < 0n ? -1n : 0n)),
  define("math.sign(double): double", Math.sign),
  define("math.bitAnd(int, int): int", (a: bigint, b: bigint) => a & b),
  define("math.bitOr(int, int): int", (a: bigint, b: bigint) => a | b),
  define("math.bitXor(int, int): int", (a: bigint, b: bigint) => a ^ b),
  define("math.bitNot(int): int", (a: bigint) => ~a),
  define("math.bitShiftLeft(int, int): int", (a: bigint, by: bigint) => BigInt.asIntN(64, a << shift(by))),
  define("math.bitShiftRight(int, int): int", (a: bigint, by: bigint) =>
    BigInt.asIntN(64, BigInt.asUintN(64, a) >> shift(by)),
  ),
]
