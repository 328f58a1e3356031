import { statusError } from "@ladya/apimachinery"
import type { Authenticator, UserInfo } from "../authentication/authenticator.ts"
import { takeProtocolToken } from "../authentication/websocket-token.ts"
import type { Filter } from "../request.ts"

const anonymous: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] }

/** Asks the authenticators in order who it is. Nobody known is anonymous, unless that is not allowed. */
export function withAuthentication(authenticators: readonly Authenticator[], options: { anonymous: boolean }): Filter {
  return (next) => async (request) => {
    if (request.upgrade) takeProtocolToken(request)
    for (const authenticator of authenticators) {
      const user = await authenticator.authenticate(request)
      if (!user) continue
      request.user = user
      return next(request)
    }
    if (!options.anonymous) throw statusError.unauthorized()
    request.user = anonymous
    return next(request)
  }
}
