import type { AuthorizationAttributes, Authorizer } from "../authorization/authorizer.ts"
import { forbiddenError } from "../authorization/chain.ts"
import type { Filter } from "../request.ts"

/** Throws a 403 Status unless the authorizer allows it. Waits only if the authorizer does. */
export function authorize(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<void> | undefined {
  const pending = authorizer.authorize(attributes)
  if (pending instanceof Promise) {
    return pending.then((decision) => {
      if (!decision.allowed) throw forbiddenError(attributes, decision.reason)
    })
  }
  if (!pending.allowed) throw forbiddenError(attributes, pending.reason)
  return undefined
}

export function withAuthorization(authorizer: Authorizer): Filter {
  return (next) => async (request) => {
    const { user, info } = request
    if (!user) throw new Error("authorisation comes after authentication")
    const pending = authorize(authorizer, { user, info })
    if (pending) await pending
    return next(request)
  }
}
