import { type Checked, check } from "./check/checker.ts"
import { isAssignable } from "./check/unify.ts"
import { estimateCost } from "./cost/estimate.ts"
import { allFunctions } from "./functions/index.ts"
import { CelError, CostLimitError, CostMeter } from "./runtime/errors.ts"
import { compileExpr } from "./runtime/evaluate.ts"
import { ConstructedObject } from "./schema/constructed.ts"
import { toCel } from "./schema/json-values.ts"
import { objectTypes } from "./schema/mutation-types.ts"
import type { Expr } from "./syntax/ast.ts"
import { parse } from "./syntax/parse.ts"
import { type Issue, issuesText } from "./syntax/source-error.ts"
import { type CelType, type ObjectType, typeText } from "./types.ts"

/** The runtime cost that one expression may have, as the API allows it. */
export const perCallCostLimit = 1_000_000

export interface CompileOptions {
  /** The variables that the expression may use. Names may be dotted (`authorizer.requestResource`). */
  readonly variables?: Readonly<Record<string, CelType>>
  /** What the expression must result in: one of these types. `dyn` results are checked when they are there. */
  readonly result?: CelType | readonly CelType[]
  /** The messages that the expression may make; `Object` without fields and `JSONPatch` unless given. */
  readonly structs?: (name: string) => ObjectType | undefined
}

export type Compilation =
  | { readonly ok: true; readonly program: Program }
  /** `error` is the text for users, with the source and the place; `kind` tells whether it was parsed. */
  | {
      readonly ok: false
      readonly kind: "syntax" | "type" | "result"
      readonly error: string
      readonly issues: readonly Issue[]
    }

export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly cost: number }
  | { readonly ok: false; readonly kind: "failed" | "cost"; readonly error: string; readonly cost: number }

export interface EvaluateOptions {
  /** What the evaluation may cost; without it, no limit. */
  readonly costLimit?: number
}

/** A compiled expression. It may be evaluated any number of times. */
export interface Program {
  readonly expression: string
  readonly type: CelType
  /** The variables that the expression uses. */
  readonly uses: ReadonlySet<string>
  /** An upper bound of the cost, by the sizes in the types of the variables. */
  readonly estimatedCost: number
  /**
   * Evaluates the expression. JSON values are converted by the types of their variables; values of the language are
   * taken as they are. A variable without a binding is null.
   */
  evaluate(bindings: Readonly<Record<string, unknown>>, options?: EvaluateOptions): Outcome
}

const typeNames = new Set([
  "bool",
  "int",
  "uint",
  "double",
  "string",
  "bytes",
  "list",
  "map",
  "null_type",
  "type",
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
])

/** Parses and checks an expression. Nothing is thrown: what is wrong stands in the result. */
export function compile(expression: string, options: CompileOptions = {}): Compilation {
  const parsed = parse(expression)
  if ("issues" in parsed) return refused("syntax", expression, parsed.issues)
  const variables = new Map(Object.entries(options.variables ?? {}))
  const structs = options.structs ?? objectTypes(undefined)
  const { expr } = parsed
  try {
    const checked = check(expr, { variables, functions: allFunctions, structs, typeNames })
    if (checked.issues.length > 0) return refused("type", expression, checked.issues)
    const type = checked.types.get(expr)!
    const wanted = options.result === undefined ? [] : [options.result].flat()
    if (wanted.length > 0 && !wanted.some((candidate) => isAssignable(candidate, type, new Map()))) {
      const error = `must evaluate to ${wanted.map(typeText).join(" or ")}`
      return { ok: false, kind: "result", error, issues: [{ offset: 0, message: error }] }
    }
    return { ok: true, program: newProgram({ expression, expr, checked, variables, structs }) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return refused("syntax", expression, [{ offset: 0, message: "expression recursion limit exceeded" }])
  }
}

function refused(kind: "syntax" | "type", expression: string, issues: readonly Issue[]): Compilation {
  const sorted = [...issues].sort((a, b) => a.offset - b.offset)
  return { ok: false, kind, error: issuesText(expression, sorted), issues: sorted }
}

interface Parts {
  readonly expression: string
  readonly expr: Expr
  readonly checked: Checked
  readonly variables: ReadonlyMap<string, CelType>
  readonly structs: (name: string) => ObjectType | undefined
}

function newProgram({ expression, expr, checked, variables, structs }: Parts): Program {
  const slots = new Map([...variables.keys()].map((name, index) => [name, index]))
  let count = slots.size
  const run = compileExpr(expr, {
    checked,
    slots,
    allocate: () => count++,
    makeStruct: (name, fields) => new ConstructedObject(structs(name)!, fields),
  })
  const used = new Set(checked.variables)
  const uses = [...variables].filter(([name]) => used.has(name))
  let estimated: number | undefined
  return {
    expression,
    type: checked.types.get(expr)!,
    uses: used,
    get estimatedCost() {
      estimated ??= estimateCost(expr, checked)
      return estimated
    },
    evaluate(bindings, { costLimit } = {}) {
      const frame = { slots: Array<unknown>(count), meter: new CostMeter(costLimit) }
      try {
        for (const [name, type] of uses) frame.slots[slots.get(name)!] = toCel(bindings[name], type)
        const value = run(frame)
        return { ok: true, value, cost: frame.meter.spent }
      } catch (error) {
        const cost = frame.meter.spent
        if (error instanceof CelError) return { ok: false, kind: "failed", error: error.message, cost }
        if (error instanceof CostLimitError) return { ok: false, kind: "cost", error: error.message, cost }
        if (error instanceof RangeError) return { ok: false, kind: "failed", error: "recursion limit exceeded", cost }
        throw error
      }
    },
  }
}
