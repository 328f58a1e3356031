import type { admissionregistrationv1, KindDefinition } from "@ladya/api"
import { deducedType, deepCopy, type KubeObject } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import { fieldTypeOfKind } from "../../handlers/write/field-manager.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts"
import { isConfiguration, isInnerStep, isReview } from "../dynamic/exempt.ts"
import { ReinvocationMemory } from "../dynamic/reinvocation.ts"
import { namespaceOf } from "../dynamic/subject.ts"
import { objectsAs, takeOver } from "../dynamic/versions.ts"
import { withBindings } from "../expressions/bindings.ts"
import { BoundPolicies, type BoundPolicy } from "./bound.ts"
import { matchResources } from "./match.ts"
import { Mutator } from "./mutator.ts"
import { findParams } from "./params.ts"
import { policyRefusal } from "./refusal.ts"
import type { PolicyPluginDeps } from "./validating.ts"
import { policyBindings } from "./variables.ts"

type Binding = admissionregistrationv1.MutatingAdmissionPolicyBinding

/** Changes what is written as the MutatingAdmissionPolicies that are bound say, one after the other. */
export class MutatingAdmissionPolicies implements AdmissionPlugin {
  readonly name = "MutatingAdmissionPolicy"
  readonly #deps: PolicyPluginDeps
  readonly #policies: BoundPolicies<admissionregistrationv1.MutatingAdmissionPolicy, Binding, Mutator>

  constructor(deps: PolicyPluginDeps) {
    this.#deps = deps
    const names = { policies: "mutatingadmissionpolicies", bindings: "mutatingadmissionpolicybindings" }
    this.#policies = new BoundPolicies(deps.resources, names, (policy) => new Mutator(policy))
  }

  handles(attributes: AdmissionAttributes): boolean {
    // There is nothing to change in what is deleted.
    if (this.#policies.isEmpty() || attributes.object === undefined) return false
    return !isConfiguration(attributes) && !isReview(attributes) && !isInnerStep(attributes)
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const memory = new ReinvocationMemory(this.name, attributes)
    memory.begin()
    for (const bound of await this.#policies.all()) await this.#ask(attributes, bound, memory)
    memory.end()
  }

  async #ask(
    attributes: AdmissionAttributes,
    { compiled: mutator, bindings }: BoundPolicy<Mutator, Binding>,
    memory: ReinvocationMemory,
  ): Promise<void> {
    const { resources } = this.#deps
    const { spec } = mutator.policy
    const shownAs = await orRefuse(attributes, mutator, undefined, "failed to configure policy: ", () =>
      matchResources(resources, attributes, spec?.matchConstraints),
    )
    if (!shownAs) return
    for (const binding of bindings) {
      const params = await orRefuse(attributes, mutator, binding, "failed to configure binding: ", async () => {
        if (!(await matchResources(resources, attributes, binding.spec?.matchResources))) return []
        return findParams(resources, spec?.paramKind, binding.spec?.paramRef, namespaceOf(attributes))
      })
      for (const one of params ?? []) {
        const uid = [mutator.policy, binding, one].map((part) => part?.metadata.uid ?? "").join("/")
        if (!memory.isDue(uid)) continue
        const isChanged = await this.#apply(attributes, mutator, binding, shownAs, one)
        memory.done(uid, { isChanged, mayRepeat: spec?.reinvocationPolicy === "IfNeeded" })
      }
    }
  }

  /** Carries the mutations of a policy out, each on what the one before it made. Returns whether they changed anything. */
  async #apply(
    attributes: AdmissionAttributes,
    mutator: Mutator,
    binding: Binding,
    shownAs: KindDefinition,
    params: KubeObject | undefined,
  ): Promise<boolean> {
    let isChanged = false
    const type = attributes.view ? deducedType : fieldTypeOfKind(shownAs)
    const outcome = await orRefuse(attributes, mutator, binding, "", async () => {
      const variables = async () => {
        const shown = await objectsAs(attributes, shownAs)
        const all = await policyBindings(this.#deps, attributes, shownAs, shown)
        return { object: shown.object as KubeObject, bindings: withBindings(all, { params: params ?? null }) }
      }
      if (!mutator.matches((await variables()).bindings)) return false
      for (let index = 0; index < mutator.count; index++) {
        const { object, bindings } = await variables()
        const next = mutator.mutate(index, bindings, type, object)
        if (next !== object && (await takeOver(attributes, shownAs, object, deepCopy(next)))) isChanged = true
      }
      return true
    })
    return outcome === true && isChanged
  }
}

/** Errors refuse the request, or are passed over, as the policy says. */
async function orRefuse<T>(
  attributes: AdmissionAttributes,
  { policy, failsOnErrors }: Mutator,
  binding: Binding | undefined,
  what: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!failsOnErrors) return undefined
    const bound = binding ? ` with binding '${binding.metadata.name}'` : ""
    const message = `policy '${policy.metadata.name}'${bound} denied request: ${what}${errorMessage(error)}`
    throw policyRefusal(attributes, message)
  }
}
