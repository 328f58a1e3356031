import { newStatusError, type StatusError } from "@ladya/apimachinery"
import type { AuthorizationAttributes, Authorizer } from "../authorization/authorizer.ts"
import type { Filter } from "../request.ts"

/** Throws a 403 Status unless an authorizer allows it. */
export async function authorize(
  authorizers: readonly Authorizer[],
  attributes: AuthorizationAttributes,
): Promise<void> {
  let reason = ""
  for (const authorizer of authorizers) {
    const pending = authorizer.authorize(attributes)
    const decision = pending instanceof Promise ? await pending : pending
    if (decision.allowed) return
    if (decision.reason) reason = reason ? `${reason}, ${decision.reason}` : decision.reason
    if (decision.denied) break
  }
  throw forbidden(attributes, reason)
}

/** The refusal, worded as the API words it. */
export function forbidden({ user, info }: AuthorizationAttributes, reason: string): StatusError {
  const why = reason ? `: ${reason}` : ""
  const who = `User ${JSON.stringify(user.name)}`
  if (!info.isResource) {
    return newStatusError(
      "Forbidden",
      `forbidden: ${who} cannot ${info.verb} path ${JSON.stringify(info.path)}${why}`,
      {},
    )
  }
  const resource = info.subresource ? `${info.resource}/${info.subresource}` : info.resource
  const place = info.namespace ? `in the namespace ${JSON.stringify(info.namespace)}` : "at the cluster scope"
  const text = `${who} cannot ${info.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(info.group)} ${place}${why}`
  const qualified = info.group ? `${info.resource}.${info.group}` : info.resource
  const what = info.name ? `${qualified} ${JSON.stringify(info.name)}` : qualified
  return newStatusError("Forbidden", `${what} is forbidden: ${text}`, {
    ...(info.name ? { name: info.name } : {}),
    ...(info.group ? { group: info.group } : {}),
    kind: info.resource,
  })
}

export function withAuthorization(authorizers: readonly Authorizer[]): Filter {
  return (next) => async (request) => {
    const { user, info } = request
    if (!user) throw new Error("authorisation comes after authentication")
    await authorize(authorizers, { user, info })
    return next(request)
  }
}
