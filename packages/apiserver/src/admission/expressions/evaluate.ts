import type { CompiledExpression } from "@ladya/api"
import { perCallCostLimit } from "@ladya/cel"

/** What all expressions of one policy may cost together, for one request. */
export const policyCostBudget = 10_000_000
/** What the match conditions of one webhook or policy may cost together. */
export const conditionsCostBudget = 2_500_000

/** What is left to spend. */
export interface Budget {
  left: number
}

/** An expression that could not be evaluated. */
export class EvaluationError extends Error {
  override name = "EvaluationError"
  /** There is nothing left to spend: no other expression can be evaluated either. */
  readonly isExhausted: boolean

  constructor(message: string, isExhausted = false) {
    super(message)
    this.isExhausted = isExhausted
  }
}

const exhausted = (): EvaluationError =>
  new EvaluationError(
    "validation failed due to running out of cost budget, no further validation rules will be run",
    true,
  )

/** Evaluates a compiled expression. Throws an EvaluationError, worded as upstream words it. */
export function evaluate(
  expression: string,
  compiled: CompiledExpression,
  bindings: Readonly<Record<string, unknown>>,
  budget: Budget,
): unknown {
  if (!compiled.ok) throw new EvaluationError(`compilation error: ${compiled.error}`)
  if (budget.left < 0) throw exhausted()
  const outcome = compiled.program.evaluate(bindings, { costLimit: perCallCostLimit })
  budget.left -= outcome.cost
  if (!outcome.ok) throw new EvaluationError(`expression '${expression}' resulted in error: ${outcome.error}`)
  if (budget.left < 0) throw exhausted()
  return outcome.value
}
