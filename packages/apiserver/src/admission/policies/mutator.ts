import type { admissionregistrationv1, CompiledExpression } from "@ladya/api"
import type { FieldType, KubeObject } from "@ladya/apimachinery"
import type { Bindings } from "../expressions/bindings.ts"
import { conditionsHold } from "../expressions/conditions.ts"
import { evaluate, policyCostBudget } from "../expressions/evaluate.ts"
import { compilePolicy, type PolicyProgram } from "./compile.ts"
import { applyMade, patchMade } from "./patches.ts"

type Policy = admissionregistrationv1.MutatingAdmissionPolicy

interface CompiledMutation {
  readonly expression: string
  readonly isPatch: boolean
  readonly compiled: CompiledExpression
}

/** A MutatingAdmissionPolicy, compiled when it is first needed. */
export class Mutator {
  readonly policy: Policy
  #program: PolicyProgram | undefined
  #mutations: readonly CompiledMutation[] = []

  constructor(policy: Policy) {
    this.policy = policy
  }

  get failsOnErrors(): boolean {
    return this.policy.spec?.failurePolicy !== "Ignore"
  }

  /** Whether the policy's conditions hold. Throws an Error when that cannot be told. */
  matches(bindings: Bindings): boolean {
    const outcome = conditionsHold(this.#compiled().conditions, bindings)
    if (typeof outcome === "boolean") return outcome
    throw new Error(outcome.error)
  }

  get count(): number {
    this.#compiled()
    return this.#mutations.length
  }

  /** What one of the mutations makes of the object; nothing is written to. Throws an Error. */
  mutate(index: number, bindings: Bindings, type: FieldType, object: KubeObject): unknown {
    const program = this.#compiled()
    const { expression, isPatch, compiled } = this.#mutations[index] as CompiledMutation
    const budget = { left: policyCostBudget }
    const made = evaluate(expression, compiled, program.withVariables(bindings, budget), budget)
    return isPatch ? patchMade(object, made) : applyMade(type, object, made)
  }

  #compiled(): PolicyProgram {
    if (this.#program) return this.#program
    const { spec = {} } = this.policy
    const program = compilePolicy(spec)
    this.#mutations = (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const isPatch = patchType === "JSONPatch"
      const expression = (isPatch ? jsonPatch : applyConfiguration)?.expression ?? ""
      return { expression, isPatch, compiled: program.compile(expression, isPatch ? "JSONPatch" : "Object") }
    })
    this.#program = program
    return program
  }
}
