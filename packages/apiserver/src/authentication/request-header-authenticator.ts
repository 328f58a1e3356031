import { X509Certificate } from "node:crypto"
import { userOfHeaders } from "../aggregation/front-proxy-headers.ts"
import type { ApiRequest } from "../request.ts"
import type { Authenticator, UserInfo } from "./authenticator.ts"
import { certificatesOf, leadsTo } from "./certificate-chain.ts"

export interface RequestHeaderOptions {
  /** PEM of the authority that signs front proxies' client certificates. */
  ca: string
  /** The common names that those may have; any when empty. */
  allowedNames: readonly string[]
}

/**
 * Believes a front proxy that says in headers who makes a request. A proxy is whoever shows a certificate of the
 * authority for them, which no user has one of.
 */
export class RequestHeaderAuthenticator implements Authenticator {
  readonly name = "RequestHeader"
  readonly #authorities: readonly X509Certificate[]
  readonly #allowedNames: ReadonlySet<string>
  /** Whether a connection is a front proxy's. The chain is the same for all requests of a connection. */
  readonly #known = new WeakMap<readonly Buffer[], boolean>()

  constructor(options: RequestHeaderOptions) {
    this.#authorities = certificatesOf(options.ca)
    this.#allowedNames = new Set(options.allowedNames)
  }

  async authenticate(request: ApiRequest): Promise<UserInfo | undefined> {
    if (request.headers["x-remote-user"] === undefined) return undefined
    return this.#isFrontProxy(request.clientCertificates) ? userOfHeaders(request.headers) : undefined
  }

  #isFrontProxy(chain: readonly Buffer[]): boolean {
    const [leaf] = chain
    if (!leaf) return false
    let known = this.#known.get(chain)
    if (known === undefined) {
      known = this.#isAllowed(leaf) && leadsTo(chain, this.#authorities)
      this.#known.set(chain, known)
    }
    return known
  }

  #isAllowed(leaf: Buffer): boolean {
    if (this.#allowedNames.size === 0) return true
    const subject = new X509Certificate(leaf).toLegacyObject().subject as unknown as Record<string, unknown>
    const name = subject["CN"]
    return typeof name === "string" && this.#allowedNames.has(name)
  }
}
