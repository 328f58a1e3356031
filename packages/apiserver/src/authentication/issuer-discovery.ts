import type { KeyObject } from "node:crypto"
import type { Handler } from "../request.ts"
import type { Route } from "../routes.ts"
import { newTokenKey } from "./jwt.ts"

const document = (contentType: string, value: unknown): Handler => {
  const body = Buffer.from(JSON.stringify(value))
  return async () => ({
    status: 200,
    headers: { "Content-Type": contentType, "Cache-Control": "public, max-age=3600" },
    body,
  })
}

/** The paths by which others find the keys that service-account tokens are signed with (OpenID Connect discovery). */
export function issuerRoutes(issuer: string, publicKeys: readonly KeyObject[]): Route[] {
  const keys = publicKeys.map((key) => {
    const { id, algorithm } = newTokenKey(key)
    return { use: "sig", ...key.export({ format: "jwk" }), kid: id, alg: algorithm }
  })
  const configuration = {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(keys.map((key) => key.alg))],
  }
  return [
    { path: "/.well-known/openid-configuration", handler: document("application/json", configuration) },
    { path: "/openid/v1/jwks", handler: document("application/jwk-set+json", { keys }) },
  ]
}
