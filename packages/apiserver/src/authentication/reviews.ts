import type { authenticationv1 } from "@ladya/api"
import { formatTime, type KubeObject, statusError } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { SpecialResource } from "../handlers/special.ts"
import type { UserInfo } from "./authenticator.ts"
import { TokenError } from "./jwt.ts"
import type { TokenVerifier } from "./token-verifier.ts"

const group = "authentication.k8s.io"

function publicUser({ name, uid, groups, extra }: UserInfo): authenticationv1.UserInfo {
  const copied = extra && Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]))
  return { username: name, ...(uid ? { uid } : {}), groups: [...groups], ...(copied ? { extra: copied } : {}) }
}

async function reviewToken(
  verifier: TokenVerifier,
  { token, audiences = [] }: authenticationv1.TokenReviewSpec,
): Promise<authenticationv1.TokenReviewStatus> {
  try {
    const verified = await verifier.verify(token, audiences.length > 0 ? audiences : undefined)
    return { authenticated: true, user: publicUser(verified.user), audiences: [...verified.audiences] }
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    return { authenticated: false, error: `[invalid bearer token, ${error.message}]` }
  }
}

/** The resources that are asked who somebody is, by `group/resource`. */
export function identityReviews(deps: { verifier: TokenVerifier; clock: Clock }): Map<string, SpecialResource> {
  return new Map<string, SpecialResource>([
    [
      `${group}/tokenreviews`,
      {
        async create(_engine, { resource }, input) {
          const { spec } = input as authenticationv1.TokenReview
          if (!spec?.token) throw statusError.badRequest("token is required for TokenReview in authentication")
          const status = await reviewToken(deps.verifier, spec)
          return { type: "object", code: 201, object: { ...input, status } as KubeObject, kind: resource.kind }
        },
      },
    ],
    [
      `${group}/selfsubjectreviews`,
      {
        async create(_engine, { user, resource }, input) {
          const metadata = { ...input.metadata, creationTimestamp: formatTime(deps.clock.now()) }
          const object = { ...input, metadata, status: { userInfo: publicUser(user) } } as KubeObject
          return { type: "object", code: 201, object, kind: resource.kind }
        },
      },
    ],
  ])
}
