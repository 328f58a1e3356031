import { createHash, X509Certificate } from "node:crypto"
import { statusError } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { ApiRequest } from "../request.ts"
import type { Authenticator, UserInfo } from "./authenticator.ts"
import { certificatesOf, leadsTo } from "./certificate-chain.ts"

interface Known {
  /** Undefined for a certificate without a common name. */
  user: UserInfo | undefined
  /** Milliseconds since the epoch. */
  notBefore: number
  notAfter: number
}

function list(value: string | string[] | undefined): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function read(der: Buffer): Known {
  const certificate = new X509Certificate(der)
  // Not the one-line subject: a value could be written so that it looks like several.
  const subject = certificate.toLegacyObject().subject as unknown as Record<string, string | string[] | undefined>
  const name = list(subject["CN"])[0]
  const groups = list(subject["O"])
  const fingerprint = createHash("sha256").update(der).digest("hex")
  return {
    notBefore: Date.parse(certificate.validFrom),
    notAfter: Date.parse(certificate.validTo),
    user: name
      ? {
          name,
          groups: groups.includes("system:authenticated") ? groups : [...groups, "system:authenticated"],
          extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
        }
      : undefined,
  }
}

/**
 * Knows users by their client certificates, which the TLS layer has verified: the common name is the user, the
 * organizations are the groups.
 */
export class ClientCertificateAuthenticator implements Authenticator {
  readonly name = "X509"
  readonly #clock: Clock
  /** The buffer is the same for all requests of a connection. */
  readonly #known = new WeakMap<Buffer, Known>()
  readonly #authorities: readonly X509Certificate[] | undefined

  /** `ca`: PEM of the authority that users' certificates come from, when the TLS layer trusts others too. */
  constructor(deps: { clock: Clock; ca?: string }) {
    this.#clock = deps.clock
    this.#authorities = deps.ca === undefined ? undefined : certificatesOf(deps.ca)
  }

  async authenticate(request: ApiRequest): Promise<UserInfo | undefined> {
    const der = request.clientCertificates[0]
    if (!der) return undefined
    let known = this.#known.get(der)
    if (!known) {
      known = read(der)
      // What a front proxy shows makes it nobody.
      if (this.#authorities && !leadsTo(request.clientCertificates, this.#authorities)) known.user = undefined
      this.#known.set(der, known)
    }
    // A connection may outlive its certificate.
    const now = this.#clock.now()
    if (now > known.notAfter || now < known.notBefore) throw statusError.unauthorized()
    return known.user
  }
}
