import type { AuthorizationAttributes, Authorizer, Decision } from "./authorizer.ts"
import type { Grant, RbacIndex } from "./rbac-index.ts"
import { ruleAllows } from "./rules.ts"

function allowedBy({ binding, subject }: Grant): string {
  const { namespace, name } = binding.metadata
  const bindingText = namespace ? `RoleBinding "${name}/${namespace}"` : `ClusterRoleBinding "${name}"`
  const { kind, name: role } = binding.roleRef
  const who = subject.kind === "ServiceAccount" ? `${subject.name}/${subject.namespace ?? namespace}` : subject.name
  return `RBAC: allowed by ${bindingText} of ${kind} "${role}" to ${subject.kind} "${who}"`
}

function missingRole({ binding }: Grant): string {
  const { kind, name } = binding.roleRef
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`
}

/** Allows what a rule of one of the user's roles allows; never denies for good. */
export class RbacAuthorizer implements Authorizer {
  readonly name = "RBAC"
  readonly #index: RbacIndex

  constructor(index: RbacIndex) {
    this.#index = index
  }

  authorize({ user, info }: AuthorizationAttributes): Decision {
    let reason = ""
    let problems: string[] | undefined
    const allowed = this.#index.visitGrants(user, info.isResource ? info.namespace : "", (grant) => {
      if (!grant.roleFound) {
        problems ??= []
        problems.push(missingRole(grant))
        return false
      }
      for (const rule of grant.rules) {
        if (!ruleAllows(rule, info)) continue
        reason = allowedBy(grant)
        return true
      }
      return false
    })
    if (allowed) return { allowed, reason }
    if (!problems) return { allowed, reason: "" }
    return { allowed, reason: `RBAC: ${problems.length === 1 ? problems[0] : `[${problems.join(", ")}]`}` }
  }
}
