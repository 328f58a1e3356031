import { type CelType, dynType, listOf, mapOf, optionalOf, sameType } from "../types.ts"

/** What the type parameters of one call stand for. */
export type Bindings = Map<string, CelType>

const nullable = new Set(["object", "opaque", "timestamp", "duration", "optional", "dyn", "null"])

/** Whether a value of type `actual` may stand where `wanted` is asked for; binds the parameters in `wanted`. */
export function isAssignable(wanted: CelType, actual: CelType, bindings: Bindings): boolean {
  if (wanted.kind === "param") return bind(wanted.name, actual, bindings)
  if (wanted.kind === "dyn" || actual.kind === "dyn") return true
  if (actual.kind === "null") return nullable.has(wanted.kind)
  if (wanted.kind === "null") return nullable.has(actual.kind)
  if (wanted.kind === "list" && actual.kind === "list") return isAssignable(wanted.element, actual.element, bindings)
  if (wanted.kind === "map" && actual.kind === "map") {
    return isAssignable(wanted.key, actual.key, bindings) && isAssignable(wanted.value, actual.value, bindings)
  }
  if (wanted.kind === "optional" && actual.kind === "optional") {
    return isAssignable(wanted.value, actual.value, bindings)
  }
  return sameType(wanted, actual)
}

function bind(name: string, actual: CelType, bindings: Bindings): boolean {
  const bound = bindings.get(name)
  if (!bound) {
    bindings.set(name, actual)
    return true
  }
  if (isAssignable(bound, actual, bindings)) {
    if (bound.kind === "null" || containsDyn(actual))
      bindings.set(name, bound.kind === "null" ? actual : join(bound, actual))
    return true
  }
  return false
}

function containsDyn(type: CelType): boolean {
  switch (type.kind) {
    case "dyn":
      return true
    case "list":
      return containsDyn(type.element)
    case "map":
      return containsDyn(type.key) || containsDyn(type.value)
    case "optional":
      return containsDyn(type.value)
    default:
      return false
  }
}

/** A type with its parameters replaced by what they are bound to. */
export function substitute(type: CelType, bindings: Bindings): CelType {
  switch (type.kind) {
    case "param":
      return bindings.get(type.name) ?? dynType
    case "list":
      return listOf(substitute(type.element, bindings), type.maxSize)
    case "map":
      return mapOf(substitute(type.key, bindings), substitute(type.value, bindings), type.maxSize)
    case "optional":
      return optionalOf(substitute(type.value, bindings))
    default:
      return type
  }
}

/** A type that values of both types have: the more general of two that are assignable to each other, or `dyn`. */
export function join(a: CelType, b: CelType): CelType {
  if (sameType(a, b)) return largest(a, b)
  if (a.kind === "null" && nullable.has(b.kind)) return b
  if (b.kind === "null" && nullable.has(a.kind)) return a
  if (a.kind === "list" && b.kind === "list") return listOf(join(a.element, b.element))
  if (a.kind === "map" && b.kind === "map") return mapOf(join(a.key, b.key), join(a.value, b.value))
  if (a.kind === "optional" && b.kind === "optional") return optionalOf(join(a.value, b.value))
  return dynType
}

function largest(a: CelType, b: CelType): CelType {
  const left = "maxSize" in a ? a.maxSize : undefined
  const right = "maxSize" in b ? b.maxSize : undefined
  if (left === undefined || right === undefined) return left === undefined ? a : b
  return left >= right ? a : b
}

/** Whether values of the two types may be equal, or meet in a list, a map or a choice. */
export function isCompatible(a: CelType, b: CelType): boolean {
  return isAssignable(a, b, new Map()) || isAssignable(b, a, new Map())
}
