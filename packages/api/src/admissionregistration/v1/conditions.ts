import { fieldError, isQualifiedName } from "@ladya/apimachinery"
import type { MatchCondition } from "../../generated/types/admissionregistrationv1.ts"
import { checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { compileAdmission, type ExpressionResult, type ExpressionScope } from "./expressions.ts"

const maxConditions = 64

/** Reports an expression that does not compile. */
export function checkExpression(
  errors: Errors,
  path: string,
  expression: string,
  result: ExpressionResult,
  scope: ExpressionScope,
): void {
  const compiled = compileAdmission(expression, result, scope)
  if (!compiled.ok) errors.push(fieldError.invalid(path, expression, compiled.error))
}

/** The match conditions of a webhook or of a policy. */
export function checkConditions(
  errors: Errors,
  path: string,
  conditions: readonly MatchCondition[] | undefined,
  scope: ExpressionScope,
): void {
  const names = new Set<string>()
  const count = conditions?.length ?? 0
  if (count > maxConditions) errors.push(fieldError.tooMany(path, count, maxConditions))
  for (const [{ name, expression }, at] of indexed(path, conditions)) {
    const trimmed = expression?.trim() ?? ""
    if (trimmed === "") errors.push(fieldError.required(`${at}.expression`))
    else checkExpression(errors, `${at}.expression`, trimmed, "bool", scope)
    if (!name) {
      errors.push(fieldError.required(`${at}.name`))
      continue
    }
    checkTexts(errors, `${at}.name`, name, isQualifiedName(name))
    if (names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name))
    names.add(name)
  }
}
