import { X509Certificate } from "node:crypto"

/** The certificates in a PEM bundle. */
export function certificatesOf(bundle: string): X509Certificate[] {
  return (bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  )
}

const isSignedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/**
 * Whether a chain, leaf first, leads to one of these authorities. The TLS layer trusts several of them and does not say
 * which one it was, and each vouches for something else.
 */
export function leadsTo(chain: readonly Buffer[], authorities: readonly X509Certificate[]): boolean {
  let current: X509Certificate | undefined
  for (const der of chain) {
    const certificate = new X509Certificate(der)
    if (current && !isSignedBy(current, certificate)) return false
    const link = certificate
    if (authorities.some((authority) => authority.raw.equals(link.raw) || isSignedBy(link, authority))) return true
    current = certificate
  }
  return false
}
