import type { admissionregistrationv1 } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { ResourceTable } from "../../resources.ts"
import { LiveList } from "../dynamic/live-list.ts"

interface Binding extends KubeObject {
  spec?: { policyName?: string }
}

/** A policy made ready, with the bindings that make it count. */
export interface BoundPolicy<C, B> {
  readonly compiled: C
  readonly bindings: readonly B[]
}

type Policy = KubeObject & { spec?: Pick<admissionregistrationv1.ValidatingAdmissionPolicySpec, "matchConstraints"> }

/** The policies that are bound, with their bindings: live. */
export class BoundPolicies<P extends Policy, B extends Binding, C extends { readonly policy: P }> {
  readonly #policies: LiveList<P, C>
  readonly #bindings: LiveList<B, B>
  #from: { policies: readonly C[]; bindings: readonly B[] } | undefined
  #bound: readonly BoundPolicy<C, B>[] = []

  constructor(resources: ResourceTable, names: { policies: string; bindings: string }, compile: (policy: P) => C) {
    const group = "admissionregistration.k8s.io"
    this.#policies = new LiveList(resources.storage(group, names.policies), compile)
    this.#bindings = new LiveList(resources.storage(group, names.bindings), (binding: B) => binding)
  }

  isEmpty(): boolean {
    return this.#bindings.isEmpty() || this.#policies.isEmpty()
  }

  async all(): Promise<readonly BoundPolicy<C, B>[]> {
    const policies = await this.#policies.all()
    const bindings = await this.#bindings.all()
    if (this.#from?.policies === policies && this.#from.bindings === bindings) return this.#bound
    this.#from = { policies, bindings }
    const byPolicy = Map.groupBy(bindings, ({ spec }) => spec?.policyName ?? "")
    this.#bound = policies.flatMap((compiled) => {
      const own = byPolicy.get(compiled.policy.metadata.name ?? "")
      return own ? [{ compiled, bindings: own }] : []
    })
    return this.#bound
  }
}
