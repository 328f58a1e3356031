import type { UserInfo } from "../authentication/authenticator.ts"
import type { RequestInfo } from "../request.ts"

export interface AuthorizationAttributes {
  user: UserInfo
  /** As RBAC sees it: for non-resource requests `path` and the lower-case method in `verb`. */
  info: Pick<
    RequestInfo,
    "isResource" | "path" | "verb" | "group" | "version" | "resource" | "subresource" | "namespace" | "name"
  >
}

export interface Decision {
  allowed: boolean
  /** Denied for good: no later authorizer is asked. */
  denied?: boolean
  reason: string
}

/** Says whether a user may. Authorizers are asked in order; the first that allows or denies decides. */
export interface Authorizer {
  readonly name: string
  authorize(attributes: AuthorizationAttributes): Promise<Decision> | Decision
}
