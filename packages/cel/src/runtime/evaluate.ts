import type { Checked, ResolvedCall } from "../check/checker.ts"
import type { Overload } from "../functions/overload.ts"
import type { Expr } from "../syntax/ast.ts"
import type { CelType } from "../types.ts"
import { sameType } from "../types.ts"
import { newComprehension } from "./comprehensions.ts"
import { CelError } from "./errors.ts"
import { asBool, type Evaluate } from "./frame.ts"
import {
  CelOptional,
  CelTypeValue,
  CelUint,
  isMap,
  isObject,
  LiteralMap,
  runtimeType,
  sizeOf,
  typeNameOf,
} from "./values.ts"

/** What the compiler of an expression knows of the place it is at. */
export interface CompileContext {
  readonly checked: Checked
  readonly slots: ReadonlyMap<string, number>
  /** Takes a new slot. */
  readonly allocate: () => number
  readonly makeStruct: (typeName: string, fields: ReadonlyMap<string, unknown>) => unknown
}

/** Makes a function out of a checked expression. */
export function compileExpr(expr: Expr, context: CompileContext): Evaluate {
  switch (expr.op) {
    case "const": {
      const { value } = expr
      return () => value
    }
    case "ident": {
      const slot = context.slots.get(expr.name)
      if (slot === undefined) return constantType(expr.name)
      return (frame) => {
        frame.meter.spend(1)
        return frame.slots[slot]
      }
    }
    case "select":
      return compileSelect(expr, context)
    case "index":
      return compileIndex(expr, context)
    case "and":
    case "or":
      return compileLogical(expr, context)
    case "conditional": {
      const condition = compileExpr(expr.condition, context)
      const then = compileExpr(expr.chosen, context)
      const otherwise = compileExpr(expr.otherwise, context)
      return (frame) => (asBool(condition(frame)) ? then(frame) : otherwise(frame))
    }
    case "call":
      return compileCall(expr, context)
    case "list": {
      const elements = expr.elements.map(({ value, isOptional }) => ({ run: compileExpr(value, context), isOptional }))
      return (frame) => {
        frame.meter.spend(10)
        const list: unknown[] = []
        for (const { run, isOptional } of elements) {
          const value = run(frame)
          if (!isOptional) list.push(value)
          else if (asOptional(value).hasValue) list.push(asOptional(value).value())
        }
        return list
      }
    }
    case "map": {
      const entries = expr.entries.map(({ key, value, isOptional }) => ({
        key: compileExpr(key, context),
        value: compileExpr(value, context),
        isOptional,
      }))
      return (frame) => {
        frame.meter.spend(30)
        const map = new LiteralMap()
        for (const { key, value, isOptional } of entries) {
          const at = asKey(key(frame))
          const found = value(frame)
          if (!isOptional) map.put(at, found)
          else if (asOptional(found).hasValue) map.put(at, asOptional(found).value())
        }
        return map
      }
    }
    case "struct": {
      const fields = expr.fields.map(({ name, value, isOptional }) => ({
        name,
        run: compileExpr(value, context),
        isOptional,
      }))
      return (frame) => {
        frame.meter.spend(40)
        const made = new Map<string, unknown>()
        for (const { name, run, isOptional } of fields) {
          const value = run(frame)
          if (!isOptional) made.set(name, value)
          else if (asOptional(value).hasValue) made.set(name, asOptional(value).value())
        }
        return context.makeStruct(expr.typeName, made)
      }
    }
    case "comprehension":
      return comprehension(expr, context)
    case "bind": {
      const value = compileExpr(expr.value, context)
      const { inner, slot } = withVariable(context, expr.name)
      const body = compileExpr(expr.body, inner)
      return (frame) => {
        frame.slots[slot] = value(frame)
        return body(frame)
      }
    }
    case "optMap": {
      const target = compileExpr(expr.target, context)
      const { inner, slot } = withVariable(context, expr.name)
      const body = compileExpr(expr.body, inner)
      return (frame) => {
        const optional = asOptional(target(frame))
        if (!optional.hasValue) return CelOptional.none
        frame.slots[slot] = optional.value()
        return expr.isFlat ? body(frame) : CelOptional.of(body(frame))
      }
    }
  }
}

function comprehension(expr: Expr & { op: "comprehension" }, context: CompileContext): Evaluate {
  const [first, second] = expr.variables
  const { inner: withFirst, slot } = withVariable(context, first!)
  const pair = second === undefined ? undefined : withVariable(withFirst, second)
  const scope = pair?.inner ?? withFirst
  return newComprehension({
    kind: expr.kind,
    range: compileExpr(expr.range, context),
    firstSlot: slot,
    secondSlot: pair?.slot,
    filter: expr.filter && compileExpr(expr.filter, scope),
    body: compileExpr(expr.body, scope),
  })
}

/** A context with one more variable. */
function withVariable(context: CompileContext, name: string): { inner: CompileContext; slot: number } {
  const slot = context.allocate()
  return { inner: { ...context, slots: new Map(context.slots).set(name, slot) }, slot }
}

function constantType(name: string): Evaluate {
  const value = new CelTypeValue(name === "null_type" ? "null_type" : name)
  return () => value
}

function asOptional(value: unknown): CelOptional {
  if (value instanceof CelOptional) return value
  throw new CelError("no such overload")
}

function asKey(key: unknown): unknown {
  if (typeof key === "string" || typeof key === "bigint" || typeof key === "boolean" || key instanceof CelUint)
    return key
  throw new CelError(`unsupported key type: ${typeNameOf(key)}`)
}

/** The field of a message or the entry of a map, or undefined. */
function fieldOf(operand: unknown, field: string): unknown {
  if (isObject(operand) || isMap(operand)) return operand.get(field)
  throw new CelError("no such overload")
}

function compileSelect(expr: Expr & { op: "select" }, context: CompileContext): Evaluate {
  if (context.checked.types.get(expr)?.kind === "type" && !context.checked.types.has(expr.operand)) {
    return constantType(pathOf(expr))
  }
  const slot = context.slots.get(pathOf(expr))
  if (slot !== undefined && !context.checked.types.has(expr.operand)) {
    return (frame) => {
      frame.meter.spend(1)
      return frame.slots[slot]
    }
  }
  const operand = compileExpr(expr.operand, context)
  const { field, isTest, isOptional } = expr
  return (frame) => {
    const value = operand(frame)
    frame.meter.spend(1)
    if (value instanceof CelOptional) {
      const found = value.hasValue ? fieldOf(value.value(), field) : undefined
      if (isTest) return found !== undefined
      return optionalValue(found)
    }
    if (isTest) return isObject(value) ? value.has(field) : fieldOf(value, field) !== undefined
    const found = fieldOf(value, field)
    if (isOptional) return optionalValue(found)
    if (found === undefined) throw new CelError(`no such key: ${field}`)
    return found
  }
}

const optionalValue = (found: unknown): CelOptional =>
  found === undefined ? CelOptional.none : found instanceof CelOptional ? found : CelOptional.of(found)

function pathOf(expr: Expr): string {
  if (expr.op === "ident") return expr.name
  return expr.op === "select" ? `${pathOf(expr.operand)}.${expr.field}` : ""
}

function elementAt(container: unknown, index: unknown): unknown {
  if (Array.isArray(container)) {
    const at = index instanceof CelUint ? index.value : index
    if (typeof at === "number" && !Number.isInteger(at)) throw new CelError("unsupported index type 'double' in list")
    if (typeof at !== "bigint" && typeof at !== "number") throw new CelError("no such overload")
    return container[Number(at)]
  }
  if (isMap(container)) return container.get(index)
  throw new CelError("no such overload")
}

function compileIndex(expr: Expr & { op: "index" }, context: CompileContext): Evaluate {
  const operand = compileExpr(expr.operand, context)
  const index = compileExpr(expr.index, context)
  return (frame) => {
    const container = operand(frame)
    const at = index(frame)
    frame.meter.spend(1)
    if (container instanceof CelOptional) {
      return optionalValue(container.hasValue ? elementAt(container.value(), at) : undefined)
    }
    const found = elementAt(container, at)
    if (expr.isOptional) return optionalValue(found)
    if (found !== undefined) return found
    const text = at instanceof CelUint ? String(at.value) : String(at)
    throw new CelError(Array.isArray(container) ? `index out of bounds: ${text}` : `no such key: ${text}`)
  }
}

/** `&&` and `||` ask the right side too when the left one failed: it may decide alone. */
function compileLogical(expr: Expr & { op: "and" | "or" }, context: CompileContext): Evaluate {
  const left = compileExpr(expr.left, context)
  const right = compileExpr(expr.right, context)
  const deciding = expr.op === "or"
  return (frame) => {
    let failed: CelError | undefined
    try {
      if (asBool(left(frame)) === deciding) return deciding
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      failed = error
    }
    if (asBool(right(frame)) === deciding) return deciding
    if (failed) throw failed
    return !deciding
  }
}

function compileCall(expr: Expr & { op: "call" }, context: CompileContext): Evaluate {
  const call = context.checked.calls.get(expr)
  if (!call) throw new Error(`not checked: ${expr.name}`)
  const args = call.args.map((arg) => compileExpr(arg, context))
  const lazy = lazyCall(call, args)
  if (lazy) return lazy
  const only = call.overloads.length === 1 ? call.overloads[0] : undefined
  const isCertain =
    only !== undefined && call.args.every((arg) => !mayBeOther(context.checked.types.get(arg) ?? { kind: "dyn" }))
  return (frame) => {
    const values = args.map((run) => run(frame))
    const overload = isCertain ? only : findOverload(call, values)
    frame.meter.spend(overload.cost(values.map(sizeOf)))
    return overload.call(...values)
  }
}

const mayBeOther = (type: CelType): boolean => type.kind === "dyn" || type.kind === "null" || type.kind === "optional"

/** `orValue` and `or` do not run their argument when they have a value. */
function lazyCall(call: ResolvedCall, args: readonly Evaluate[]): Evaluate | undefined {
  if ((call.name !== "orValue" && call.name !== "or") || args.length !== 2) return undefined
  const [target, other] = args as [Evaluate, Evaluate]
  return (frame) => {
    const optional = asOptional(target(frame))
    frame.meter.spend(1)
    if (!optional.hasValue) return call.name === "or" ? asOptional(other(frame)) : other(frame)
    return call.name === "or" ? optional : optional.value()
  }
}

function findOverload(call: ResolvedCall, values: readonly unknown[]): Overload {
  const found = call.overloads.find((overload) =>
    overload.params.every((param, index) => valueMatches(param, values[index])),
  )
  if (found) return found
  throw new CelError("no such overload")
}

function valueMatches(type: CelType, value: unknown): boolean {
  if (type.kind === "param" || type.kind === "dyn") return true
  const actual = runtimeType(value)
  if (type.kind === "list" || type.kind === "map" || type.kind === "optional") return actual.kind === type.kind
  return actual.kind === type.kind && sameType(type, actual)
}
