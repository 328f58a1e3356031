import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { type Clock, errorMessage, type Logger } from "@ladya/util"
import { type KeyPairPem, readPair, readPrivate, writePair, writePrivate } from "./files.ts"
import { whyReissue } from "./inspect.ts"
import { type CertificateRequest, issueCertificate, newAuthority } from "./issue.ts"

/** The names under which pods reach the API server. */
export const serviceNames = [
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "localhost",
]

export interface PkiOptions {
  clock: Clock
  log: Logger
  /** Names the server is reached by, besides those it always has. */
  serverNames?: readonly string[]
  /** Addresses the server is reached at, besides 127.0.0.1 and the Service's. */
  serverAddresses?: readonly string[]
  /** The address of the `kubernetes` Service; 10.96.0.1 unless told. */
  serviceAddress?: string
}

export interface ClientIdentity {
  commonName: string
  organizations?: readonly string[]
  /** A year unless told, in milliseconds. */
  lifetimeMs?: number
}

export interface ServingIdentity {
  commonName: string
  organizations?: readonly string[]
  dnsNames?: readonly string[]
  ipAddresses?: readonly string[]
  lifetimeMs?: number
}

/** The keys and certificates of one cluster. */
export interface Pki {
  readonly directory: string
  /** PEM of the cluster's certificate authority: what clients trust, and what signs client certificates. */
  readonly caCertificate: string
  readonly frontProxyCaCertificate: string
  /** What the API server shows to its clients. */
  readonly serving: KeyPairPem
  /** What the API server shows to kubelets. */
  readonly kubeletClient: KeyPairPem
  /** What the API server shows to the servers behind APIServices. */
  readonly frontProxyClient: KeyPairPem
  readonly admin: KeyPairPem
  /** Signs service-account tokens. */
  readonly serviceAccountKey: KeyObject
  /** Verify them. */
  readonly serviceAccountPublicKeys: readonly KeyObject[]
  issueClientCertificate(identity: ClientIdentity): Promise<KeyPairPem>
  issueServingCertificate(identity: ServingIdentity): Promise<KeyPairPem>
}

/**
 * Loads the cluster's keys and certificates from `directory` and makes what is missing, expires soon or does not fit.
 * An authority is only ever made when there is none: throws when one is damaged, since all else hangs on it.
 */
export async function ensurePki(directory: string, options: PkiOptions): Promise<Pki> {
  const { clock } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const [ca, frontProxyCa, serviceAccountKey] = await Promise.all([
    ensureAuthority(directory, "ca", "kubernetes", clock),
    ensureAuthority(directory, "front-proxy-ca", "front-proxy-ca", clock),
    ensureServiceAccountKey(directory),
  ])
  const pair = (name: string, authority: KeyPairPem, request: CertificateRequest): Promise<KeyPairPem> =>
    ensureCertificate({ directory, name, authority, request, clock, log: options.log })
  const { serverNames = [], serverAddresses = [], serviceAddress = "10.96.0.1" } = options
  const [serving, kubeletClient, frontProxyClient, admin] = await Promise.all([
    pair("apiserver", ca, {
      commonName: "kube-apiserver",
      usage: "server",
      dnsNames: [...new Set([...serviceNames, ...serverNames])],
      ipAddresses: [...new Set([serviceAddress, "127.0.0.1", ...serverAddresses])],
    }),
    pair("apiserver-kubelet-client", ca, {
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
      usage: "client",
    }),
    pair("front-proxy-client", frontProxyCa, { commonName: "front-proxy-client", usage: "client" }),
    pair("admin", ca, { commonName: "kubernetes-admin", organizations: ["system:masters"], usage: "client" }),
  ])
  return {
    directory,
    caCertificate: ca.certificate,
    frontProxyCaCertificate: frontProxyCa.certificate,
    serving,
    kubeletClient,
    frontProxyClient,
    admin,
    serviceAccountKey,
    serviceAccountPublicKeys: [createPublicKey(serviceAccountKey)],
    issueClientCertificate: (identity) => issueCertificate(ca, { ...identity, usage: "client" }, clock),
    issueServingCertificate: (identity) => issueCertificate(ca, { ...identity, usage: "server" }, clock),
  }
}

async function ensureAuthority(directory: string, name: string, commonName: string, clock: Clock): Promise<KeyPairPem> {
  const existing = await readPair(directory, name)
  if (!existing) {
    const made = await newAuthority(commonName, clock)
    await writePair(directory, name, made)
    return made
  }
  try {
    const certificate = new X509Certificate(existing.certificate)
    if (!certificate.checkPrivateKey(createPrivateKey(existing.key)))
      throw new Error("key and certificate do not match")
    if (Date.parse(certificate.validTo) < clock.now()) throw new Error("the certificate has expired")
  } catch (error) {
    throw new Error(
      `${join(directory, name)}.crt or .key cannot be used (${errorMessage(error)}): restore them from a backup; with new ones every certificate of the cluster must be made anew`,
      { cause: error },
    )
  }
  return existing
}

async function ensureCertificate(wanted: {
  directory: string
  name: string
  authority: KeyPairPem
  request: CertificateRequest
  clock: Clock
  log: Logger
}): Promise<KeyPairPem> {
  const { directory, name, authority, request, clock, log } = wanted
  // A leaf is made anew for the asking: half a pair is as good as none.
  const existing = await readPair(directory, name).catch(() => undefined)
  const why = existing && whyReissue(existing, authority, request, clock)
  if (existing && !why) return existing
  if (why) log.info("certificate is made anew", { certificate: name, reason: why })
  const made = await issueCertificate(authority, request, clock)
  await writePair(directory, name, made)
  return made
}

/** ES256: as safe as RSA 2048, made in a millisecond, and signed with four times as fast. */
async function ensureServiceAccountKey(directory: string): Promise<KeyObject> {
  const existing = await readPrivate(directory, "sa.key")
  if (existing !== undefined) {
    try {
      return createPrivateKey(existing)
    } catch (error) {
      throw new Error(
        `${join(directory, "sa.key")} cannot be read (${errorMessage(error)}): restore it, or remove it to have one made (all service-account tokens then become invalid)`,
        { cause: error },
      )
    }
  }
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  await writePrivate(directory, "sa.pub", publicKey.export({ type: "spki", format: "pem" }) as string)
  await writePrivate(directory, "sa.key", privateKey.export({ type: "pkcs8", format: "pem" }) as string)
  return privateKey
}
