import type { admissionregistrationv1 } from "@ladya/api"
import { errorMessage } from "@ladya/util"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts"
import { isConfiguration, isInnerStep, isReview } from "../dynamic/exempt.ts"
import { namespaceOf } from "../dynamic/subject.ts"
import { objectsAs } from "../dynamic/versions.ts"
import { withBindings } from "../expressions/bindings.ts"
import { BoundPolicies, type BoundPolicy } from "./bound.ts"
import { matchResources } from "./match.ts"
import { findParams } from "./params.ts"
import { policyRefusal } from "./refusal.ts"
import { Validator, type Violation } from "./validator.ts"
import { policyBindings } from "./variables.ts"

type Binding = admissionregistrationv1.ValidatingAdmissionPolicyBinding

export interface PolicyPluginDeps {
  resources: ResourceTable
  authorizer: Authorizer
}

interface Denial {
  message: string
  reason: string | undefined
}

const failureKey = "validation.policy.admission.k8s.io/validation_failure"

/** Holds what is written against the ValidatingAdmissionPolicies that are bound. */
export class ValidatingAdmissionPolicies implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionPolicy"
  readonly #deps: PolicyPluginDeps
  readonly #policies: BoundPolicies<admissionregistrationv1.ValidatingAdmissionPolicy, Binding, Validator>

  constructor(deps: PolicyPluginDeps) {
    this.#deps = deps
    const names = { policies: "validatingadmissionpolicies", bindings: "validatingadmissionpolicybindings" }
    this.#policies = new BoundPolicies(deps.resources, names, (policy) => new Validator(policy))
  }

  handles(attributes: AdmissionAttributes): boolean {
    if (this.#policies.isEmpty()) return false
    return !isConfiguration(attributes) && !isReview(attributes) && !isInnerStep(attributes)
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const denials: Denial[] = []
    for (const bound of await this.#policies.all()) denials.push(...(await this.#ask(attributes, bound)))
    const [first] = denials
    if (first) throw policyRefusal(attributes, first.message, first.reason)
  }

  async #ask(
    attributes: AdmissionAttributes,
    { compiled: validator, bindings }: BoundPolicy<Validator, Binding>,
  ): Promise<Denial[]> {
    const { resources } = this.#deps
    const { policy } = validator
    const denials: Denial[] = []
    const misconfigured = (what: string, error: unknown, binding?: Binding): void => {
      if (!validator.failsOnErrors) return
      denials.push({
        message: deniedText(policy, binding, `failed to configure ${what}: ${errorMessage(error)}`),
        reason: undefined,
      })
    }
    try {
      const shownAs = await matchResources(resources, attributes, policy.spec?.matchConstraints)
      if (!shownAs) return denials
      const variables = await policyBindings(this.#deps, attributes, shownAs, await objectsAs(attributes, shownAs))
      const notes = new Map<string, Set<string>>()
      for (const binding of bindings) {
        try {
          if (!(await matchResources(resources, attributes, binding.spec.matchResources))) continue
          const { paramRef } = binding.spec
          for (const params of await findParams(resources, policy.spec?.paramKind, paramRef, namespaceOf(attributes))) {
            const findings = validator.validate(withBindings(variables, { params: params ?? null }))
            for (const one of findings.violations) act(attributes, policy, binding, one, denials)
            for (const { key, value } of findings.annotations) {
              notes.set(key, (notes.get(key) ?? new Set()).add(value))
            }
            for (const message of findings.annotationErrors) {
              denials.push({ message: deniedText(policy, binding, message), reason: undefined })
            }
          }
        } catch (error) {
          misconfigured("binding", error, binding)
        }
      }
      for (const [key, values] of notes) attributes.annotate(`${policy.metadata.name}/${key}`, [...values].join(", "))
    } catch (error) {
      misconfigured("policy", error)
    }
    return denials
  }
}

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy

function deniedText(policy: Policy, binding: Binding | undefined, message: string): string {
  const bound = binding ? ` with binding '${binding.metadata.name}'` : ""
  return `ValidatingAdmissionPolicy '${policy.metadata.name}'${bound} denied request: ${message}`
}

/** Does with a violation what its binding says. */
function act(
  attributes: AdmissionAttributes,
  policy: Policy,
  binding: Binding,
  { index, message, reason }: Violation,
  denials: Denial[],
): void {
  const { validationActions } = binding.spec
  const names = { policy: policy.metadata.name ?? "", binding: binding.metadata.name ?? "" }
  if (validationActions.includes("Deny")) denials.push({ message: deniedText(policy, binding, message), reason })
  if (validationActions.includes("Warn")) {
    attributes.warnings.push(
      `Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding}': ${message}`,
    )
  }
  if (validationActions.includes("Audit")) {
    attributes.annotate(failureKey, JSON.stringify([{ message, ...names, expressionIndex: index, validationActions }]))
  }
}
