import { newStatusError, type StatusError } from "@ladya/apimachinery"
import type { AuthorizationAttributes, Authorizer, Decision } from "./authorizer.ts"
import { fullResource } from "./rules.ts"

/** Members of this group may do everything. */
export const mastersGroup = "system:masters"

/** Allows the group `system:masters` everything. */
export const mastersAuthorizer: Authorizer = {
  name: "SystemMasters",
  authorize: ({ user }) => ({ allowed: user.groups.includes(mastersGroup), reason: "" }),
}

/**
 * Asks authorizers in order; the first that allows or denies decides. Reasons of those that did not are joined.
 * Answers at once when all do.
 */
export function newAuthorizerChain(authorizers: readonly Authorizer[]): Authorizer {
  const askFrom = (
    start: number,
    reasons: string[],
    attributes: AuthorizationAttributes,
  ): Decision | Promise<Decision> => {
    const decides = (decision: Decision): boolean => {
      if (decision.reason) reasons.push(decision.reason)
      return decision.allowed || decision.denied === true
    }
    for (let i = start; i < authorizers.length; i++) {
      const answer = authorizers[i]!.authorize(attributes)
      if (answer instanceof Promise) {
        return answer.then((decision) => (decides(decision) ? decision : askFrom(i + 1, reasons, attributes)))
      }
      if (decides(answer)) return answer
    }
    return { allowed: false, reason: reasons.join("\n") }
  }
  return { name: "Chain", authorize: (attributes) => askFrom(0, [], attributes) }
}

/** What the user may not, as the API says it: `User "x" cannot list resource "pods" in API group "" …`. */
export function refusalText({ user, info }: AuthorizationAttributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot`
  if (!info.isResource) return `${who} ${info.verb} path ${JSON.stringify(info.path)}`
  const where = info.namespace ? `in the namespace ${JSON.stringify(info.namespace)}` : "at the cluster scope"
  const what = `resource ${JSON.stringify(fullResource(info))} in API group ${JSON.stringify(info.group)}`
  return `${who} ${info.verb} ${what} ${where}`
}

/** The 403 Status for what was not allowed. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): StatusError {
  const { info } = attributes
  const why = reason ? `${refusalText(attributes)}: ${reason}` : refusalText(attributes)
  if (!info.isResource) return newStatusError("Forbidden", `forbidden: ${why}`, {})
  const resource = info.group ? `${info.resource}.${info.group}` : info.resource
  const target = info.name ? `${resource} ${JSON.stringify(info.name)}` : resource
  return newStatusError("Forbidden", `${target} is forbidden: ${why}`, {
    ...(info.name ? { name: info.name } : {}),
    ...(info.group ? { group: info.group } : {}),
    kind: info.resource,
  })
}
