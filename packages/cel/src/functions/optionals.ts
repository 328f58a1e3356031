import { CelOptional, CelUint, isMap, isObject, sizeOf } from "../runtime/values.ts"
import { define, type Overload } from "./overload.ts"

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === "") return true
  if (value instanceof CelUint) return value.value === 0n
  if (Array.isArray(value) || isMap(value) || value instanceof Uint8Array) return sizeOf(value) === 0
  return isObject(value) && [...value.type.fields().keys()].every((name) => !value.has(name))
}

/** Optional values. */
export const optionalFunctions: readonly Overload[] = [
  define("optional.of(A): optional<A>", (value: unknown) => CelOptional.of(value)),
  define("optional.none(): optional<A>", () => CelOptional.none),
  define("optional.ofNonZeroValue(A): optional<A>", (value: unknown) =>
    isZero(value) ? CelOptional.none : CelOptional.of(value),
  ),
  define("optional<A>:hasValue(): bool", (optional: CelOptional) => optional.hasValue),
  define("optional<A>:value(): A", (optional: CelOptional) => optional.value()),
  define("optional<A>:or(optional<A>): optional<A>", (a: CelOptional, b: CelOptional) => (a.hasValue ? a : b)),
  define("optional<A>:orValue(A): A", (optional: CelOptional, other: unknown) =>
    optional.hasValue ? optional.value() : other,
  ),
]
