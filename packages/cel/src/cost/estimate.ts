import type { Checked } from "../check/checker.ts"
import type { Overload } from "../functions/overload.ts"
import { stepCosts } from "../runtime/comprehensions.ts"
import type { Expr } from "../syntax/ast.ts"
import type { CelType } from "../types.ts"

/** What a value is taken to be when nothing bounds its size: the largest request there is. */
const unbounded = 3 * 1024 * 1024

interface Estimate {
  readonly cost: number
  /** The largest size that the value may have. */
  readonly size: number
}

/** An upper bound of what evaluating an expression may cost, by the sizes in the types of its parts. */
export function estimateCost(expr: Expr, checked: Checked): number {
  return new Estimator(checked).estimate(expr).cost
}

const sizedKinds = new Set(["string", "bytes", "list", "map", "dyn"])

/** The size that a type bounds its values to; 1 for values without a size. */
function sizeOfType(type: CelType | undefined): number {
  if (!type || !sizedKinds.has(type.kind)) return 1
  return ("maxSize" in type ? type.maxSize : undefined) ?? unbounded
}

class Estimator {
  private readonly checked: Checked
  /** The sizes of what `cel.bind` and loops over computed lists name. */
  private readonly sizes = new Map<string, number>()

  constructor(checked: Checked) {
    this.checked = checked
  }

  private typed(expr: Expr, cost: number): Estimate {
    return { cost, size: sizeOfType(this.checked.types.get(expr)) }
  }

  estimate(expr: Expr): Estimate {
    switch (expr.op) {
      case "const":
        return this.typed(expr, 0)
      case "ident":
        return { cost: 1, size: this.sizes.get(expr.name) ?? sizeOfType(this.checked.types.get(expr)) }
      case "select":
        if (!this.checked.types.has(expr.operand)) return this.typed(expr, 1)
        return this.typed(expr, this.estimate(expr.operand).cost + 1)
      case "index":
        return this.typed(expr, this.estimate(expr.operand).cost + this.estimate(expr.index).cost + 1)
      case "and":
      case "or":
        return { cost: this.estimate(expr.left).cost + this.estimate(expr.right).cost, size: 1 }
      case "conditional": {
        const then = this.estimate(expr.chosen)
        const otherwise = this.estimate(expr.otherwise)
        const cost = this.estimate(expr.condition).cost + Math.max(then.cost, otherwise.cost)
        return { cost, size: Math.max(then.size, otherwise.size) }
      }
      case "call":
        return this.call(expr)
      case "list":
        return { cost: 10 + this.sum(expr.elements.map(({ value }) => value)), size: expr.elements.length }
      case "map": {
        const parts = expr.entries.flatMap(({ key, value }) => [key, value])
        return { cost: 30 + this.sum(parts), size: expr.entries.length }
      }
      case "struct":
        return { cost: 40 + this.sum(expr.fields.map(({ value }) => value)), size: 1 }
      case "comprehension":
        return this.comprehension(expr)
      case "bind": {
        const value = this.estimate(expr.value)
        const body = this.withSize(expr.name, value.size, () => this.estimate(expr.body))
        return { cost: value.cost + body.cost, size: body.size }
      }
      case "optMap": {
        const target = this.estimate(expr.target)
        const body = this.withSize(expr.name, target.size, () => this.estimate(expr.body))
        return { cost: target.cost + body.cost + 1, size: body.size }
      }
    }
  }

  private sum(parts: readonly Expr[]): number {
    return parts.reduce((sum, part) => sum + this.estimate(part).cost, 0)
  }

  private withSize<T>(name: string, size: number, run: () => T): T {
    const before = this.sizes.get(name)
    this.sizes.set(name, size)
    const result = run()
    if (before === undefined) this.sizes.delete(name)
    else this.sizes.set(name, before)
    return result
  }

  private comprehension(expr: Expr & { op: "comprehension" }): Estimate {
    const range = this.estimate(expr.range)
    const type = this.checked.types.get(expr.range)
    const inner = type?.kind === "list" ? type.element : type?.kind === "map" ? type.key : undefined
    const [first, second] = expr.variables
    const run = (): Estimate => {
      const filter = expr.filter ? this.estimate(expr.filter).cost : 0
      const body = this.estimate(expr.body)
      return { cost: filter + body.cost + stepCosts[expr.kind], size: body.size }
    }
    const element = sizeOfType(inner)
    const step =
      second === undefined
        ? this.withSize(first!, element, run)
        : this.withSize(first!, type?.kind === "list" ? 1 : element, () =>
            this.withSize(second, sizeOfType(type?.kind === "map" ? type.value : inner), run),
          )
    return { cost: range.cost + range.size * step.cost + 1, size: sizedResult(expr.kind) ? range.size : 1 }
  }

  private call(expr: Expr & { op: "call" }): Estimate {
    const call = this.checked.calls.get(expr)
    const args = (call?.args ?? expr.args).map((arg) => this.estimate(arg))
    const sizes = args.map(({ size }) => size)
    const own = Math.max(1, ...(call?.overloads ?? []).map((overload) => overload.cost(sizes)))
    const found = (call?.overloads ?? []).map((overload) => resultSize(overload, sizes))
    const known = found.every((size) => size !== undefined)
    const size = known ? Math.max(0, ...(found as number[])) : sizeOfType(this.checked.types.get(expr))
    return { cost: args.reduce((sum, arg) => sum + arg.cost, own), size }
  }
}

const sizedResult = (kind: string): boolean => !["all", "exists", "existsOne"].includes(kind)

function resultSize(overload: Overload, sizes: readonly number[]): number | undefined {
  if (overload.size) return overload.size(sizes)
  return sizedKinds.has(overload.result.kind) ? undefined : 1
}
