import { statusError } from "@ladya/apimachinery"
import type { Clock, Logger } from "@ladya/util"
import type { ApiRequest } from "../request.ts"
import type { Authenticator, UserInfo } from "./authenticator.ts"
import { TokenError } from "./jwt.ts"
import type { TokenVerifier } from "./token-verifier.ts"

/** A token found good is not looked at again for so long, in milliseconds. */
const rememberMs = 10_000
const rememberAtMost = 4096

/** The token of `Authorization: Bearer …`; undefined when there is none. */
export function bearerToken(request: Pick<ApiRequest, "headers">): string | undefined {
  const header = request.headers["authorization"]
  if (!header) return undefined
  const space = header.indexOf(" ")
  if (space < 0 || header.slice(0, space).toLowerCase() !== "bearer") return undefined
  return header.slice(space + 1).trim() || undefined
}

/** Knows service accounts by their tokens. It is the last that is asked for a token: one it does not know is refused. */
export class ServiceAccountAuthenticator implements Authenticator {
  readonly name = "ServiceAccountToken"
  readonly #verifier: TokenVerifier
  readonly #clock: Clock
  readonly #log: Logger
  readonly #known = new Map<string, { user: UserInfo; until: number }>()

  constructor(deps: { verifier: TokenVerifier; clock: Clock; log: Logger }) {
    this.#verifier = deps.verifier
    this.#clock = deps.clock
    this.#log = deps.log
  }

  async authenticate(request: ApiRequest): Promise<UserInfo | undefined> {
    const token = bearerToken(request)
    if (token === undefined) return undefined
    const now = this.#clock.monotonic()
    const known = this.#known.get(token)
    if (known && known.until > now) return known.user
    try {
      const { user } = await this.#verifier.verify(token)
      this.#remember(token, user, now + rememberMs)
      return user
    } catch (error) {
      this.#known.delete(token)
      if (!(error instanceof TokenError)) throw error
      this.#log.info("bearer token refused", { reason: error.message, remoteAddress: request.remoteAddress })
      throw statusError.unauthorized()
    }
  }

  #remember(token: string, user: UserInfo, until: number): void {
    // A Map keeps the order of insertion: the first is the oldest.
    this.#known.delete(token)
    if (this.#known.size >= rememberAtMost) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(token, { user, until })
  }
}
