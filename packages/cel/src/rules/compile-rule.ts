import type { ValidationRule } from "@ladya/apimachinery"
import { compile, type Program } from "../compile.ts"
import { boolType, type CelType, optionalOf, stringType } from "../types.ts"

/** A rule of a schema, compiled for the values that the schema describes. */
export interface CompiledRule {
  readonly rule: ValidationRule
  /** What is wrong with the rule, when there is no program. */
  readonly error: string | undefined
  readonly program: Program | undefined
  readonly message: Program | undefined
  readonly messageError: string | undefined
  /** Whether it compares with what was before: then it applies to updates alone, unless the old value is optional. */
  readonly usesOldSelf: boolean
}

/** Compiles a rule for values (`self`, `oldSelf`) of a type. */
export function compileRule(rule: ValidationRule, self: CelType): CompiledRule {
  const oldSelf = rule.optionalOldSelf ? optionalOf(self) : self
  const variables = { self, oldSelf }
  const compiled = compile(rule.rule, { variables, result: boolType })
  const message = rule.messageExpression
    ? compile(rule.messageExpression, { variables, result: stringType })
    : undefined
  const program = compiled.ok ? compiled.program : undefined
  return {
    rule,
    program,
    error: compiled.ok ? undefined : errorText(compiled, "cel expression must evaluate to a bool"),
    message: message?.ok ? message.program : undefined,
    messageError:
      !message || message.ok ? undefined : errorText(message, "messageExpression must evaluate to a string"),
    usesOldSelf:
      (program?.uses.has("oldSelf") ?? false) || (message?.ok === true && message.program.uses.has("oldSelf")),
  }
}

function errorText(compiled: { kind: string; error: string }, wrongResult: string): string {
  return compiled.kind === "result" ? wrongResult : `compilation failed: ${compiled.error}`
}
