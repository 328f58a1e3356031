import {
  type admissionregistrationv1,
  type CompiledExpression,
  compileAdmission,
  type ExpressionResult,
} from "@ladya/api"
import { CelError, type CelType, LazyObject, objectOf } from "@ladya/cel"
import { type Bindings, withBindings } from "../expressions/bindings.ts"
import { type CompiledCondition, compileConditions } from "../expressions/conditions.ts"
import { type Budget, EvaluationError, evaluate } from "../expressions/evaluate.ts"

type Spec = Pick<admissionregistrationv1.ValidatingAdmissionPolicySpec, "matchConditions" | "paramKind" | "variables">

/** The expressions that all policies have, and the compiler of those of their own. */
export interface PolicyProgram {
  readonly conditions: readonly CompiledCondition[]
  compile(expression: string, result: ExpressionResult, options?: { hasAuthorizer?: boolean }): CompiledExpression
  /** Adds `variables` to the bindings: each is worked out when an expression first asks for it. */
  withVariables(bindings: Bindings, budget: Budget): Bindings
}

/** Compiles what a policy has in common with all others. */
export function compilePolicy({ matchConditions, paramKind, variables = [] }: Spec): PolicyProgram {
  const hasParams = paramKind !== undefined
  const types: Record<string, CelType> = {}
  const compiled = variables.map(({ name, expression }) => {
    const one = compileAdmission(expression, "any", { hasParams, hasAuthorizer: true, variables: { ...types } })
    if (one.ok) types[name] = one.program.type
    return { name, expression, compiled: one }
  })
  const type = objectOf("kubernetes.variables", types)
  return {
    conditions: compileConditions(matchConditions, { hasParams, hasAuthorizer: true }),
    compile: (expression, result, { hasAuthorizer = true } = {}) =>
      compileAdmission(expression, result, { hasParams, hasAuthorizer, variables: types }),
    withVariables(bindings, budget) {
      if (compiled.length === 0) return bindings
      const makers = compiled.map(
        ({ name, expression, compiled: one }) =>
          [name, () => composed(name, () => evaluate(expression, one, all, budget))] as const,
      )
      const all: Bindings = withBindings(bindings, { variables: new LazyObject(type, new Map(makers)) })
      return all
    },
  }
}

function composed(name: string, work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error
    throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`)
  }
}
