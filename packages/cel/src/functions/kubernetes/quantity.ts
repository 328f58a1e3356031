import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  type Quantity,
  QuantityError,
  quantityFromNumber,
  quantityToFloat,
  subtractQuantities,
} from "@ladya/apimachinery"
import { CelError } from "../../runtime/errors.ts"
import type { TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload } from "../overload.ts"

const name = "kubernetes.Quantity"

class CelQuantity implements TypedValue {
  readonly celType = opaqueType(name)
  readonly quantity: Quantity
  constructor(quantity: Quantity) {
    this.quantity = quantity
  }
  equals(other: unknown): boolean {
    return other instanceof CelQuantity && compareQuantities(this.quantity, other.quantity) === 0
  }
}

function parsed(text: string): Quantity | undefined {
  try {
    return parseQuantity(text)
  } catch (error) {
    if (error instanceof QuantityError) return undefined
    throw error
  }
}

/** A value of the type Quantity. Throws CelError when the text is none. */
export const newQuantityValue = (text: string): unknown => quantity(text)

function quantity(text: string): CelQuantity {
  const found = parsed(text)
  if (!found) {
    throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  return new CelQuantity(found)
}

const unit = 1_000_000_000n
const isWhole = (value: CelQuantity): boolean =>
  value.quantity.nanos % unit === 0n && BigInt.asIntN(64, value.quantity.nanos / unit) === value.quantity.nanos / unit

function asInteger(value: CelQuantity): bigint {
  if (!isWhole(value)) throw new CelError("cannot convert value to integer")
  return value.quantity.nanos / unit
}

const compare = (a: CelQuantity, b: CelQuantity): number => compareQuantities(a.quantity, b.quantity)
const whole = (value: bigint): Quantity => quantityFromNumber(Number(value))

/** Quantities (`quantity("1Gi")`). */
export const quantityFunctions: readonly Overload[] = [
  define(`quantity(string): ${name}`, quantity),
  define("isQuantity(string): bool", (text: string) => parsed(text) !== undefined),
  define(`${name}:sign(): int`, ({ quantity: { nanos } }: CelQuantity) => (nanos > 0n ? 1n : nanos < 0n ? -1n : 0n)),
  define(`${name}:isInteger(): bool`, isWhole),
  define(`${name}:asInteger(): int`, asInteger),
  define(`${name}:asApproximateFloat(): double`, (value: CelQuantity) => quantityToFloat(value.quantity)),
  define(`${name}:isGreaterThan(${name}): bool`, (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0),
  define(`${name}:isLessThan(${name}): bool`, (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0),
  define(`${name}:compareTo(${name}): int`, (a: CelQuantity, b: CelQuantity) => BigInt(compare(a, b))),
  define(
    `${name}:add(${name}): ${name}`,
    (a: CelQuantity, b: CelQuantity) => new CelQuantity(addQuantities(a.quantity, b.quantity)),
  ),
  define(
    `${name}:add(int): ${name}`,
    (a: CelQuantity, b: bigint) => new CelQuantity(addQuantities(a.quantity, whole(b))),
  ),
  define(
    `${name}:sub(${name}): ${name}`,
    (a: CelQuantity, b: CelQuantity) => new CelQuantity(subtractQuantities(a.quantity, b.quantity)),
  ),
  define(
    `${name}:sub(int): ${name}`,
    (a: CelQuantity, b: bigint) => new CelQuantity(subtractQuantities(a.quantity, whole(b))),
  ),
]
