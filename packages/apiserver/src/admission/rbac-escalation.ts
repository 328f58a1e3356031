import type { rbacv1 } from "@ladya/api"
import { statusError } from "@ladya/apimachinery"
import type { Authorizer } from "../authorization/authorizer.ts"
import { mastersGroup } from "../authorization/chain.ts"
import type { RbacIndex } from "../authorization/rbac-index.ts"
import { type PolicyRule, quotedList, ruleText, uncovered } from "../authorization/rules.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { refusal } from "./refuse.ts"

const group = "rbac.authorization.k8s.io"
const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
]

/**
 * Nobody grants more than they hold: a role may only be written by those who hold all its rules (or may `escalate`
 * it), a binding by those who hold the rules of its role (or may `bind` it).
 */
export class RbacEscalation implements AdmissionPlugin {
  readonly name = "RBACEscalationCheck"
  readonly #index: RbacIndex
  readonly #authorizer: Authorizer

  constructor(deps: { index: RbacIndex; authorizer: Authorizer }) {
    this.#index = deps.index
    this.#authorizer = deps.authorizer
  }

  handles({ operation, kind, user }: AdmissionAttributes): boolean {
    return (
      kind.group === group && (operation === "CREATE" || operation === "UPDATE") && !user.groups.includes(mastersGroup)
    )
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { kind, object } = attributes
    switch (kind.resource) {
      case "roles":
      case "clusterroles":
        return this.#checkRole(attributes, object as rbacv1.ClusterRole)
      case "rolebindings":
      case "clusterrolebindings":
        return this.#checkBinding(attributes, object as rbacv1.RoleBinding)
    }
  }

  async #checkRole(attributes: AdmissionAttributes, role: rbacv1.ClusterRole): Promise<void> {
    const { kind, name } = attributes
    if (await this.#may(attributes, "escalate", kind.resource, name)) return
    if (role.aggregationRule && this.#missing(attributes, everything).length > 0) {
      throw refusal(attributes, "must have cluster-admin privileges to use an aggregationRule")
    }
    this.#confirm(attributes, role.rules ?? [])
  }

  async #checkBinding(attributes: AdmissionAttributes, { roleRef }: rbacv1.RoleBinding): Promise<void> {
    const resource = roleRef.kind === "ClusterRole" ? "clusterroles" : "roles"
    if (await this.#may(attributes, "bind", resource, roleRef.name)) return
    const rules = this.#index.rulesOfRole(roleRef, attributes.namespace)
    if (!rules) throw statusError.notFound({ group, resource }, roleRef.name)
    this.#confirm(attributes, rules)
  }

  #missing({ user, namespace }: AdmissionAttributes, rules: readonly PolicyRule[]): PolicyRule[] {
    return uncovered(this.#index.rulesOf(user, namespace), rules)
  }

  #confirm(attributes: AdmissionAttributes, rules: readonly PolicyRule[]): void {
    const missing = this.#missing(attributes, rules)
    if (missing.length === 0) return
    const { name, groups } = attributes.user
    const list = missing.map(ruleText).sort().join("\n")
    throw refusal(
      attributes,
      `user ${JSON.stringify(name)} (groups=${quotedList(groups)}) is attempting to grant RBAC permissions not currently held:\n${list}`,
    )
  }

  async #may({ user, namespace }: AdmissionAttributes, verb: string, resource: string, name: string): Promise<boolean> {
    const place = { isResource: true, path: "", version: "v1", subresource: "", namespace }
    const decision = await this.#authorizer.authorize({ user, info: { ...place, verb, group, resource, name } })
    return decision.allowed
  }
}
