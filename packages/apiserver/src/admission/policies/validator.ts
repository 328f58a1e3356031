import type { admissionregistrationv1, CompiledExpression } from "@ladya/api"
import { errorMessage } from "@ladya/util"
import type { Bindings } from "../expressions/bindings.ts"
import { conditionsHold } from "../expressions/conditions.ts"
import { type Budget, EvaluationError, evaluate, policyCostBudget } from "../expressions/evaluate.ts"
import { compilePolicy, type PolicyProgram } from "./compile.ts"

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy
type Validation = admissionregistrationv1.Validation

/** One thing that a policy found wrong. */
export interface Violation {
  /** Which of the validations. */
  index: number
  message: string
  reason: string | undefined
}

export interface Findings {
  violations: readonly Violation[]
  annotations: readonly { key: string; value: string }[]
  /** Annotations that could not be worked out: they deny, whatever the binding says. */
  annotationErrors: readonly string[]
}

const nothing: Findings = { violations: [], annotations: [], annotationErrors: [] }
const maxMessageBytes = 5 * 1024
const maxAnnotationBytes = 10 * 1024

interface CompiledValidation {
  source: Validation
  compiled: CompiledExpression
  message: CompiledExpression | undefined
}

/** A ValidatingAdmissionPolicy, compiled when it is first needed. */
export class Validator {
  readonly policy: Policy
  #program: PolicyProgram | undefined
  #validations: readonly CompiledValidation[] = []
  #annotations: readonly { key: string; expression: string; compiled: CompiledExpression }[] = []

  constructor(policy: Policy) {
    this.policy = policy
  }

  get failsOnErrors(): boolean {
    return this.policy.spec?.failurePolicy !== "Ignore"
  }

  /** Evaluates the policy with these variables, its own excepted. */
  validate(bindings: Bindings): Findings {
    const program = this.#compiled()
    const budget: Budget = { left: policyCostBudget }
    // A policy without variables of its own pays for none.
    const matched = conditionsHold(program.conditions, bindings)
    if (matched === false) return nothing
    if (matched !== true) {
      return this.failsOnErrors ? { ...nothing, violations: [violation(0, matched.error)] } : nothing
    }
    const all = program.withVariables(bindings, budget)
    return { violations: this.#violations(all, budget), ...this.#annotationsOf(all, budget) }
  }

  #violations(bindings: Bindings, budget: Budget): Violation[] {
    const found: Violation[] = []
    for (const [index, { source, compiled, message }] of this.#validations.entries()) {
      try {
        if (evaluate(source.expression, compiled, bindings, budget) === true) continue
        const text = messageOf(source, message, bindings, budget)
        found.push(violation(index, text, source.reason ?? "Invalid"))
      } catch (error) {
        if (this.failsOnErrors) found.push(violation(index, errorMessage(error)))
        if (error instanceof EvaluationError && error.isExhausted) break
      }
    }
    return found
  }

  #annotationsOf(bindings: Bindings, budget: Budget): Pick<Findings, "annotations" | "annotationErrors"> {
    const annotations: { key: string; value: string }[] = []
    const annotationErrors: string[] = []
    for (const { key, expression, compiled } of this.#annotations) {
      try {
        const value = evaluate(expression, compiled, bindings, budget)
        const text = typeof value === "string" ? value.trim() : ""
        if (text) annotations.push({ key, value: text.slice(0, maxAnnotationBytes) })
      } catch (error) {
        if (this.failsOnErrors) annotationErrors.push(errorMessage(error))
      }
    }
    return { annotations, annotationErrors }
  }

  #compiled(): PolicyProgram {
    if (this.#program) return this.#program
    const { spec = {} } = this.policy
    const program = compilePolicy(spec)
    this.#validations = (spec.validations ?? []).map((source) => ({
      source,
      compiled: program.compile(source.expression, "bool"),
      message: source.messageExpression
        ? program.compile(source.messageExpression, "string", { hasAuthorizer: false })
        : undefined,
    }))
    this.#annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: valueExpression,
      compiled: program.compile(valueExpression, "annotation"),
    }))
    this.#program = program
    return program
  }
}

const violation = (index: number, message: string, reason?: string): Violation => ({ index, message, reason })

/** The message of an expression, else the one that is written down, else the expression itself. */
function messageOf(
  { expression, message, messageExpression = "" }: Validation,
  compiled: CompiledExpression | undefined,
  bindings: Bindings,
  budget: Budget,
): string {
  if (compiled) {
    try {
      const value = evaluate(messageExpression, compiled, bindings, budget)
      const text = typeof value === "string" ? value.trim() : ""
      if (text && text.length <= maxMessageBytes && !text.includes("\n")) return text
    } catch (error) {
      if (error instanceof EvaluationError && error.isExhausted) {
        throw new EvaluationError(`failed messageExpression: ${error.message}`, true)
      }
    }
  }
  return message?.trim() || `failed expression: ${expression.trim()}`
}
