import type { ApiRequest } from "../request.ts"

/** Who makes a request. */
export interface UserInfo {
  name: string
  uid?: string
  /** Groups, `system:authenticated` or `system:unauthenticated` included. */
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

/**
 * Tells who makes a request. `undefined`: no credentials of this kind were offered, ask the next.
 * Throws a 401 Status when credentials were offered and are bad.
 */
export interface Authenticator {
  readonly name: string
  authenticate(request: ApiRequest): Promise<UserInfo | undefined>
}
