import {
  CelDuration,
  type CelMap,
  type CelObject,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  isMap,
  isObject,
  isTyped,
} from "./values.ts"

/** What a list is by its schema: the order of a set or a map counts for nothing when lists are compared. */
export class RelationalList extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
  /** For a list of maps: the identity of an item; for a set: undefined. */
  keyOf: ((item: unknown) => string) | undefined
}

const isNumeric = (value: unknown): value is bigint | number | CelUint =>
  typeof value === "bigint" || typeof value === "number" || value instanceof CelUint

/** Whether two values are equal: numbers by their value, whatever their type; values of different types are not. */
export function celEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) === 0
  if (Array.isArray(a) && Array.isArray(b)) return listsEqual(a, b)
  if (isMap(a) && isMap(b)) return mapsEqual(a, b)
  if (isObject(a) && isObject(b)) return objectsEqual(a, b)
  if (a instanceof CelTimestamp || a instanceof CelDuration) {
    return b instanceof a.constructor && a.nanos === (b as CelTimestamp).nanos
  }
  if (a instanceof CelOptional && b instanceof CelOptional) {
    return a.hasValue === b.hasValue && (!a.hasValue || celEquals(a.value(), b.value()))
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, index) => byte === b[index])
  }
  if (a instanceof CelTypeValue && b instanceof CelTypeValue) return a.name === b.name
  return isTyped(a) && a.equals(b)
}

function listsEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  const relation = a instanceof RelationalList ? a : b instanceof RelationalList ? b : undefined
  if (!relation) return a.every((item, index) => celEquals(item, b[index]))
  const { keyOf } = relation
  if (!keyOf) return a.every((item) => b.some((other) => celEquals(item, other)))
  const others = new Map(b.map((item) => [keyOf(item), item]))
  return a.every((item) => others.has(keyOf(item)) && celEquals(item, others.get(keyOf(item))))
}

function mapsEqual(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false
  for (const key of a.keys()) {
    const other = b.get(key)
    if (other === undefined || !celEquals(a.get(key), other)) return false
  }
  return true
}

function objectsEqual(a: CelObject, b: CelObject): boolean {
  if (a.type.name !== b.type.name) return false
  for (const name of a.type.fields().keys()) {
    if (a.has(name) !== b.has(name)) return false
    if (a.has(name) && !celEquals(a.get(name), b.get(name))) return false
  }
  return true
}

const isNotANumber = (value: bigint | number): boolean => typeof value === "number" && Number.isNaN(value)

/** Compares two numbers by value; NaN is neither below nor above anything. */
export function compareNumbers(a: bigint | number | CelUint, b: bigint | number | CelUint): number {
  const left = a instanceof CelUint ? a.value : a
  const right = b instanceof CelUint ? b.value : b
  return left < right ? -1 : left > right ? 1 : isNotANumber(left) || isNotANumber(right) ? Number.NaN : 0
}
