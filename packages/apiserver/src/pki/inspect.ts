import { createPrivateKey, X509Certificate } from "node:crypto"
import type { Clock } from "@ladya/util"
import type { KeyPairPem } from "./files.ts"

/** A certificate with less than this left is made anew, in milliseconds. */
export const renewBeforeMs = 30 * 24 * 3600 * 1000

/** The names and addresses a certificate is good for, as one sorted text each. */
function namesOf(certificate: X509Certificate): string {
  const names = (certificate.subjectAltName ?? "").split(", ").filter(Boolean)
  return names.sort().join(",")
}

function wantedNames(dnsNames: readonly string[], ipAddresses: readonly string[]): string {
  const names = [
    ...dnsNames.map((name) => `DNS:${name}`),
    // As OpenSSL writes addresses: IPv6 in capitals without zero compression.
    ...ipAddresses.map((address) => `IP Address:${address.includes(":") ? longIpv6(address) : address}`),
  ]
  return [...new Set(names)].sort().join(",")
}

function longIpv6(address: string): string {
  const [head = "", tail] = address.split("::")
  const left = head.split(":").filter(Boolean)
  const right = (tail ?? "").split(":").filter(Boolean)
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right]
  return groups.map((group) => Number.parseInt(group, 16).toString(16).toUpperCase()).join(":")
}

/** Why a pair cannot be used any longer; undefined when it can. */
export function whyReissue(
  pair: KeyPairPem,
  authority: KeyPairPem,
  wanted: { dnsNames?: readonly string[]; ipAddresses?: readonly string[] },
  clock: Clock,
): string | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pair.certificate)
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return "its key belongs to another certificate"
  } catch {
    return "it cannot be read"
  }
  const issuer = new X509Certificate(authority.certificate)
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    return "it was signed by another authority"
  }
  if (Date.parse(certificate.validTo) - clock.now() < renewBeforeMs) return "it is about to expire"
  if (namesOf(certificate) !== wantedNames(wanted.dnsNames ?? [], wanted.ipAddresses ?? [])) {
    return "its names or addresses changed"
  }
  return undefined
}
