import type { FunctionTable, Overload } from "../functions/overload.ts"
import { runtimeType } from "../runtime/values.ts"
import type { Expr } from "../syntax/ast.ts"
import type { Issue } from "../syntax/source-error.ts"
import {
  boolType,
  type CelType,
  dynType,
  intType,
  listOf,
  mapOf,
  type ObjectType,
  optionalOf,
  typeText,
} from "../types.ts"
import { isAssignable, isCompatible, join, substitute } from "./unify.ts"

/** What an expression may name. */
export interface Declarations {
  readonly variables: ReadonlyMap<string, CelType>
  readonly functions: FunctionTable
  /** The messages that may be made with `Name{…}`. */
  readonly structs: (name: string) => ObjectType | undefined
  /** Names that stand for types (`int`, `string`). */
  readonly typeNames: ReadonlySet<string>
}

/** What the checker found out about each part of an expression. */
export interface Checked {
  readonly types: ReadonlyMap<Expr, CelType>
  /** The overloads that a call may mean, and whether it is a member call in truth. */
  readonly calls: ReadonlyMap<Expr, ResolvedCall>
  readonly issues: readonly Issue[]
  /** The declared variables that the expression uses. */
  readonly variables: ReadonlySet<string>
}

export interface ResolvedCall {
  readonly name: string
  readonly overloads: readonly Overload[]
  readonly args: readonly Expr[]
}

type Scope = ReadonlyMap<string, CelType>

/** Gives every part of an expression its type, and tells what cannot be. */
export function check(expr: Expr, declarations: Declarations): Checked {
  const checker = new Checker(declarations)
  checker.type(expr, declarations.variables)
  return checker
}

class Checker implements Checked {
  readonly types = new Map<Expr, CelType>()
  readonly calls = new Map<Expr, ResolvedCall>()
  readonly issues: Issue[] = []
  readonly variables = new Set<string>()
  /** List literals whose elements may differ: what is to be formatted. */
  private readonly mayMix = new Set<Expr>()
  private readonly declarations: Declarations

  constructor(declarations: Declarations) {
    this.declarations = declarations
  }

  type(expr: Expr, scope: Scope): CelType {
    const type = this.typeOf(expr, scope)
    this.types.set(expr, type)
    return type
  }

  private wrong(expr: Expr, message: string): CelType {
    this.issues.push({ offset: expr.span.at, message })
    return dynType
  }

  private typeOf(expr: Expr, scope: Scope): CelType {
    switch (expr.op) {
      case "const":
        return typeof expr.value === "string" ? { kind: "string", maxSize: expr.value.length } : runtimeType(expr.value)
      case "ident":
        return this.ident(expr, expr.name, scope)
      case "select":
        return this.select(expr, scope)
      case "index":
        return this.index(expr, scope)
      case "and":
      case "or":
        this.expect(expr.left, boolType, scope)
        this.expect(expr.right, boolType, scope)
        return boolType
      case "conditional": {
        const condition = this.type(expr.condition, scope)
        const then = this.type(expr.chosen, scope)
        const otherwise = this.type(expr.otherwise, scope)
        if (!isAssignable(boolType, condition, new Map()) || !isCompatible(then, otherwise)) {
          return this.noOverload(expr, "_?_:_", [condition, then, otherwise])
        }
        return join(then, otherwise)
      }
      case "call":
        return this.call(expr, scope)
      case "list":
        return listOf(this.common(expr.elements, scope, this.mayMix.has(expr)), expr.elements.length)
      case "map": {
        const keys = expr.entries.map(({ key }) => ({ value: key, isOptional: false }))
        return mapOf(this.common(keys, scope), this.common(expr.entries, scope), expr.entries.length)
      }
      case "struct":
        return this.struct(expr, scope)
      case "comprehension":
        return this.comprehension(expr, scope)
      case "bind": {
        const value = this.type(expr.value, scope)
        return this.type(expr.body, new Map(scope).set(expr.name, value))
      }
      case "optMap": {
        const target = this.type(expr.target, scope)
        const inner = target.kind === "optional" ? target.value : dynType
        if (target.kind !== "optional" && target.kind !== "dyn") {
          return this.noOverload(expr, expr.isFlat ? "optFlatMap" : "optMap", [target])
        }
        const body = this.type(expr.body, new Map(scope).set(expr.name, inner))
        return expr.isFlat ? body : optionalOf(body)
      }
    }
  }

  private ident(expr: Expr, name: string, scope: Scope): CelType {
    const found = scope.get(name)
    if (found) {
      if (this.declarations.variables.get(name) === found) this.variables.add(name)
      return found
    }
    if (this.declarations.typeNames.has(name)) return { kind: "type" }
    return this.wrong(expr, `undeclared reference to '${name}' (in container '')`)
  }

  private expect(expr: Expr, wanted: CelType, scope: Scope): void {
    const type = this.type(expr, scope)
    if (!isAssignable(wanted, type, new Map())) {
      this.wrong(expr, `expected type '${typeText(wanted)}' but found '${typeText(type)}'`)
    }
  }

  private select(expr: Expr & { op: "select" }, scope: Scope): CelType {
    const path = qualifiedName(expr)
    if (path && scope.has(path)) return this.ident(expr, path, scope)
    if (path && !scope.has(path.split(".")[0]!) && this.declarations.typeNames.has(path)) return { kind: "type" }
    const operand = this.type(expr.operand, scope)
    const isOptional = operand.kind === "optional"
    const field = this.field(expr, isOptional ? operand.value : operand, expr.field)
    if (expr.isTest) return boolType
    return isOptional || expr.isOptional ? optionalOf(field.kind === "optional" ? field.value : field) : field
  }

  private field(expr: Expr, type: CelType, name: string): CelType {
    switch (type.kind) {
      case "dyn":
        return dynType
      case "map":
        return type.value
      case "object": {
        const found = type.fields().get(name)
        return found ? found.type : this.wrong(expr, `undefined field '${name}'`)
      }
      default:
        return this.wrong(expr, `type '${typeText(type)}' does not support field selection`)
    }
  }

  private index(expr: Expr & { op: "index" }, scope: Scope): CelType {
    const operand = this.type(expr.operand, scope)
    const index = this.type(expr.index, scope)
    const container = operand.kind === "optional" ? operand.value : operand
    const result = elementOf(container, index)
    if (!result) return this.noOverload(expr, expr.isOptional ? "_[?_]" : "_[_]", [operand, index])
    return operand.kind === "optional" || expr.isOptional ? optionalOf(result) : result
  }

  /** The type that all elements of a literal have; they may not differ. */
  private common(elements: readonly { value: Expr; isOptional: boolean }[], scope: Scope, mayMix = false): CelType {
    let found: CelType | undefined
    for (const { value, isOptional } of elements) {
      const type = this.type(value, scope)
      const inner = isOptional ? (type.kind === "optional" ? type.value : dynType) : type
      if (isOptional && type.kind !== "optional" && type.kind !== "dyn") {
        this.wrong(value, `expected type 'optional_type(${typeText(type)})' but found '${typeText(type)}'`)
      }
      if (found && !mayMix && !isCompatible(found, inner)) {
        this.wrong(value, `expected type '${typeText(found)}' but found '${typeText(inner)}'`)
        return dynType
      }
      found = found ? join(found, inner) : inner
    }
    return found ?? dynType
  }

  private struct(expr: Expr & { op: "struct" }, scope: Scope): CelType {
    const type = this.declarations.structs(expr.typeName)
    for (const { value } of expr.fields) this.type(value, scope)
    if (!type) return this.wrong(expr, `undeclared reference to '${expr.typeName}' (in container '')`)
    for (const { name, value, isOptional } of expr.fields) {
      const field = type.fields().get(name)
      const found = this.types.get(value)!
      if (!field) this.wrong(value, `undefined field '${name}'`)
      else if (!isAssignable(isOptional ? optionalOf(field.type) : field.type, found, new Map())) {
        const wanted = typeText(field.type)
        this.wrong(value, `expected type of field '${name}' is '${wanted}' but provided type is '${typeText(found)}'`)
      }
    }
    return type
  }

  private comprehension(expr: Expr & { op: "comprehension" }, scope: Scope): CelType {
    const range = this.type(expr.range, scope)
    const inner = new Map(scope)
    const [first, second] = expr.variables
    const parts = iterated(range)
    if (!parts) {
      this.wrong(
        expr.range,
        `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      )
    }
    const { key, value, single } = parts ?? { key: dynType, value: dynType, single: dynType }
    if (second === undefined) inner.set(first!, single)
    else inner.set(first!, key).set(second, value)
    if (expr.filter) this.expect(expr.filter, boolType, inner)
    const maxSize = "maxSize" in range ? range.maxSize : undefined
    switch (expr.kind) {
      case "all":
      case "exists":
      case "existsOne":
        this.expect(expr.body, boolType, inner)
        return boolType
      case "filter":
        this.expect(expr.body, boolType, inner)
        return listOf(single, maxSize)
      case "map":
      case "transformList":
        return listOf(this.type(expr.body, inner), maxSize)
      case "transformMap":
        return mapOf(key, this.type(expr.body, inner), maxSize)
      case "transformMapEntry": {
        const body = this.type(expr.body, inner)
        return body.kind === "map" ? mapOf(body.key, body.value, maxSize) : mapOf(dynType, dynType)
      }
    }
  }

  private call(expr: Expr & { op: "call" }, scope: Scope): CelType {
    const namespaced = expr.target && this.namespaced(expr.target, expr.name, scope)
    const isMember = expr.target !== undefined && namespaced === undefined
    const name = namespaced ?? expr.name
    const args = isMember ? [expr.target, ...expr.args] : expr.args
    if (name === "format") for (const arg of expr.args) this.mayMix.add(arg)
    const types = args.map((arg) => this.type(arg, scope))
    const candidates = this.declarations.functions.get(isMember ? `.${name}` : name)
    if (!candidates) return this.wrong(expr, `undeclared reference to '${name}' (in container '')`)
    const fitting: Overload[] = []
    let result: CelType | undefined
    for (const overload of candidates) {
      const bindings = new Map<string, CelType>()
      if (overload.params.length !== types.length) continue
      if (!overload.params.every((param, index) => isAssignable(param, types[index]!, bindings))) continue
      fitting.push(overload)
      const type = substitute(overload.result, bindings)
      result = result === undefined || isCompatible(result, type) ? (result ? join(result, type) : type) : dynType
    }
    this.calls.set(expr, { name, overloads: fitting, args })
    return result ?? this.noOverload(expr, name, types, isMember)
  }

  /** `sets.contains` and the like: the target is no value but the first part of the function's name. */
  private namespaced(target: Expr, name: string, scope: Scope): string | undefined {
    const path = qualifiedName(target)
    if (!path || scope.has(path.split(".")[0]!)) return undefined
    return this.declarations.functions.has(`${path}.${name}`) ? `${path}.${name}` : undefined
  }

  private noOverload(expr: Expr, name: string, types: readonly CelType[], isMember = false): CelType {
    const texts = types.map(typeText)
    const applied = isMember ? `${texts[0]}.(${texts.slice(1).join(", ")})` : `(${texts.join(", ")})`
    return this.wrong(expr, `found no matching overload for '${name}' applied to '${applied}'`)
  }
}

/** The dotted name that a chain of selections spells. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.op === "ident") return expr.name
  if (expr.op !== "select" || expr.isTest || expr.isOptional) return undefined
  const operand = qualifiedName(expr.operand)
  return operand === undefined ? undefined : `${operand}.${expr.field}`
}

function elementOf(container: CelType, index: CelType): CelType | undefined {
  if (container.kind === "dyn") return dynType
  if (container.kind === "list") return ["int", "dyn"].includes(index.kind) ? container.element : undefined
  if (container.kind === "map") return isCompatible(container.key, index) ? container.value : undefined
  return undefined
}

function iterated(range: CelType): { key: CelType; value: CelType; single: CelType } | undefined {
  switch (range.kind) {
    case "dyn":
      return { key: dynType, value: dynType, single: dynType }
    case "list":
      return { key: intType, value: range.element, single: range.element }
    case "map":
      return { key: range.key, value: range.value, single: range.key }
    default:
      return undefined
  }
}
