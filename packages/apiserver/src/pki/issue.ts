import { randomBytes, webcrypto } from "node:crypto"
import type { Clock } from "@ladya/util"
import type { Name, X509CertificateGenerator } from "@peculiar/x509"
import type { KeyPairPem } from "./files.ts"

type X509 = typeof import("@peculiar/x509")
type CreateParameters = Parameters<typeof X509CertificateGenerator.create>[0]
type Extension = NonNullable<CreateParameters["extensions"]>[number]

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
const dayMs = 24 * 3600 * 1000
/** Clocks of machines differ a little: a certificate is good from a while before it was made. */
const backdateMs = 5 * 60 * 1000

export const authorityLifetimeMs = 10 * 365 * dayMs
export const certificateLifetimeMs = 365 * dayMs

let library: Promise<X509> | undefined

/** Loaded when a certificate is made for the first time: most starts make none, and loading takes long. */
function loadX509(): Promise<X509> {
  library ??= import("reflect-metadata").then(() => import("@peculiar/x509"))
  return library
}

/** What a certificate is for. */
export interface CertificateRequest {
  commonName: string
  organizations?: readonly string[]
  usage: "client" | "server"
  dnsNames?: readonly string[]
  ipAddresses?: readonly string[]
  /** A year unless told, in milliseconds. */
  lifetimeMs?: number
}

function pem(label: string, der: ArrayBuffer): string {
  const text = Buffer.from(der).toString("base64")
  return `-----BEGIN ${label}-----\n${text.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`
}

async function newKeyPair(): Promise<{ keys: webcrypto.CryptoKeyPair; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])
  return { keys, keyPem: pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)) }
}

/** A serial number: positive, 16 random bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes.toString("hex")
}

/** Typed strings: plain ones the library would search for quotes and escapes. */
function subjectOf(x509: X509, commonName: string, organizations: readonly string[] = []): Name {
  return new x509.Name([
    ...organizations.map((name) => ({ O: [{ utf8String: name }] })),
    { CN: [{ utf8String: commonName }] },
  ])
}

/** A certificate authority with its own key. */
export async function newAuthority(commonName: string, clock: Clock): Promise<KeyPairPem> {
  const x509 = await loadX509()
  const { keys, keyPem } = await newKeyPair()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: subjectOf(x509, commonName),
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(clock.now() + authorityLifetimeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: `${certificate.toString("pem")}\n`, key: keyPem }
}

/** A certificate for a new key, signed by the authority. */
export async function issueCertificate(
  authority: KeyPairPem,
  request: CertificateRequest,
  clock: Clock,
): Promise<KeyPairPem> {
  const x509 = await loadX509()
  const { keys, keyPem } = await newKeyPair()
  const issuer = new x509.X509Certificate(authority.certificate)
  const signingKey = await webcrypto.subtle.importKey("pkcs8", pemBytes(authority.key), algorithm, false, ["sign"])
  const notAfter = Math.min(clock.now() + (request.lifetimeMs ?? certificateLifetimeMs), issuer.notAfter.getTime())
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(request.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ]
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([
      request.usage === "client" ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
    ]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ]
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subjectOf(x509, request.commonName, request.organizations),
    issuer: issuer.subjectName,
    notBefore: new Date(clock.now() - backdateMs),
    notAfter: new Date(notAfter),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions,
  })
  return { certificate: `${certificate.toString("pem")}\n`, key: keyPem }
}

function pemBytes(text: string): Buffer {
  return Buffer.from(text.replace(/-----[^-]+-----/g, ""), "base64")
}
