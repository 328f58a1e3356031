import { bytesType, type CelType, dynType, type ObjectType, typeText } from "../types.ts"
import { CelError } from "./errors.ts"

/**
 * The values of the language: `boolean`, `bigint` (int), `number` (double), `string`, `null`, `Uint8Array`, arrays, and
 * these classes. A class that stands for an opaque type implements `TypedValue`.
 */
export interface TypedValue {
  readonly celType: CelType
  equals(other: unknown): boolean
}

export class CelUint {
  readonly value: bigint
  constructor(value: bigint) {
    if (value < 0n || value >= 2n ** 64n) throw new CelError("unsigned integer overflow")
    this.value = value
  }
}

/** Nanoseconds since 1970. */
export class CelTimestamp {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    if (nanos < -62135596800n * 1_000_000_000n || nanos >= 253402300800n * 1_000_000_000n) {
      throw new CelError("timestamp overflow")
    }
    this.nanos = nanos
  }
}

/** Nanoseconds. */
export class CelDuration {
  readonly nanos: bigint
  constructor(nanos: bigint) {
    if (nanos >= 2n ** 63n || nanos < -(2n ** 63n)) throw new CelError("duration overflow")
    this.nanos = nanos
  }
}

/** A type as a value, as `type(x)` gives it. */
export class CelTypeValue {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export class CelOptional {
  static readonly none = new CelOptional(undefined, false)
  private readonly inner: unknown
  readonly hasValue: boolean

  private constructor(value: unknown, hasValue: boolean) {
    this.inner = value
    this.hasValue = hasValue
  }

  static of(value: unknown): CelOptional {
    return new CelOptional(value, true)
  }

  value(): unknown {
    if (!this.hasValue) throw new CelError("optional.none() dereference")
    return this.inner
  }
}

/** A map. Keys are strings, ints, uints and bools. */
export interface CelMap {
  readonly isCelMap: true
  readonly size: number
  /** The value of a key, or undefined when there is none. */
  get(key: unknown): unknown
  keys(): Iterable<unknown>
}

/** A message: fields by the names they have in expressions. */
export interface CelObject {
  readonly isCelObject: true
  readonly type: ObjectType
  /** The value of a field, or undefined when it is not set. */
  get(field: string): unknown
  has(field: string): boolean
  /** The JSON it came from or stands for. */
  toJson(): unknown
}

export const isMap = (value: unknown): value is CelMap =>
  typeof value === "object" && value !== null && (value as Partial<CelMap>).isCelMap === true
export const isObject = (value: unknown): value is CelObject =>
  typeof value === "object" && value !== null && (value as Partial<CelObject>).isCelObject === true
export const isTyped = (value: unknown): value is TypedValue =>
  typeof value === "object" && value !== null && (value as Partial<TypedValue>).celType !== undefined

const mapKey = (key: unknown): unknown => (key instanceof CelUint ? key.value : key)

/** A map that an expression made. */
export class LiteralMap implements CelMap {
  readonly isCelMap = true
  private readonly entries = new Map<unknown, { key: unknown; value: unknown }>()

  get size(): number {
    return this.entries.size
  }

  get(key: unknown): unknown {
    const found = typeof key === "number" && Number.isInteger(key) ? BigInt(key) : mapKey(key)
    return this.entries.get(found)?.value
  }

  /** Adds an entry; a key twice is an error. */
  put(key: unknown, value: unknown): void {
    const at = mapKey(key)
    if (this.entries.has(at)) throw new CelError(`insert failed: key ${String(at)} already exists`)
    this.entries.set(at, { key, value })
  }

  *keys(): Iterable<unknown> {
    for (const { key } of this.entries.values()) yield key
  }
}

const dynNames = new Map<string, string>([["null", "null_type"]])

/** The name of the type of a value, as `type()` and messages show it. */
export function typeNameOf(value: unknown): string {
  const kind = runtimeType(value).kind
  if (kind === "timestamp") return "google.protobuf.Timestamp"
  if (kind === "duration") return "google.protobuf.Duration"
  if (kind === "optional") return "optional_type"
  if (kind === "object" || kind === "opaque") return typeText(runtimeType(value))
  return dynNames.get(kind) ?? kind
}

const kinds = {
  list: { kind: "list", element: dynType } as CelType,
  map: { kind: "map", key: dynType, value: dynType } as CelType,
  optional: { kind: "optional", value: dynType } as CelType,
}

/** The type of a value, without looking into lists and maps. */
export function runtimeType(value: unknown): CelType {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool" }
    case "bigint":
      return { kind: "int" }
    case "number":
      return { kind: "double" }
    case "string":
      return { kind: "string" }
    default:
  }
  if (value === null) return { kind: "null" }
  if (Array.isArray(value)) return kinds.list
  if (isMap(value)) return kinds.map
  if (isObject(value)) return value.type
  if (value instanceof CelTimestamp) return { kind: "timestamp" }
  if (value instanceof CelDuration) return { kind: "duration" }
  if (value instanceof CelOptional) return kinds.optional
  if (value instanceof CelUint) return { kind: "uint" }
  if (value instanceof Uint8Array) return bytesType
  if (value instanceof CelTypeValue) return { kind: "type" }
  if (isTyped(value)) return value.celType
  throw new CelError("unsupported value")
}

/** How many characters, bytes, items or entries a value has; 1 for what has no size. */
export function sizeOf(value: unknown): number {
  if (typeof value === "string") return textLength(value)
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (isMap(value)) return value.size
  return 1
}

const surrogates = /[\ud800-\udfff]/

/** The number of characters (code points) of a text. */
export function textLength(text: string): number {
  return surrogates.test(text) ? [...text].length : text.length
}
