import {
  type admissionregistrationv1,
  type CompiledExpression,
  compileAdmission,
  type ExpressionScope,
} from "@ladya/api"
import { errorMessage } from "@ladya/util"
import { conditionsCostBudget, evaluate } from "./evaluate.ts"

type MatchCondition = admissionregistrationv1.MatchCondition

export interface CompiledCondition {
  readonly expression: string
  readonly compiled: CompiledExpression
}

export function compileConditions(
  conditions: readonly MatchCondition[] | undefined,
  scope: ExpressionScope,
): readonly CompiledCondition[] {
  return (conditions ?? []).map(({ expression }) => ({
    expression,
    compiled: compileAdmission(expression.trim(), "bool", scope),
  }))
}

/**
 * Whether all conditions hold. One that is false decides, whatever the others come to; without one, those that cannot be
 * evaluated make an error.
 */
export function conditionsHold(
  conditions: readonly CompiledCondition[],
  bindings: Readonly<Record<string, unknown>>,
): boolean | { error: string } {
  const budget = { left: conditionsCostBudget }
  const errors: string[] = []
  for (const { expression, compiled } of conditions) {
    try {
      if (evaluate(expression, compiled, bindings, budget) === false) return false
    } catch (error) {
      errors.push(errorMessage(error))
    }
  }
  if (errors.length === 0) return true
  const distinct = [...new Set(errors)]
  return { error: distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(", ")}]` }
}
