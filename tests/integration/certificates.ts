import { webcrypto } from "node:crypto"
import "reflect-metadata"
import * as x509 from "@peculiar/x509"

type KeyPair = webcrypto.CryptoKeyPair

x509.cryptoProvider.set(webcrypto as never)

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

export interface PemPair {
  cert: string
  key: string
}

export interface TestPki {
  ca: string
  server: PemPair
  /** A serving certificate for these names. */
  serverFor(...names: string[]): Promise<PemPair>
  /** A client certificate: CN is the user, O the groups. */
  client(user: string, groups?: readonly string[]): Promise<PemPair>
}

async function keyPem(keys: KeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey))
  return `-----BEGIN PRIVATE KEY-----\n${der.toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END PRIVATE KEY-----\n`
}

const newKeys = (): Promise<KeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<KeyPair>

/** A certificate authority for one test run, valid on loopback. */
export async function newTestPki(): Promise<TestPki> {
  const day = 86_400_000
  const notBefore = new Date(Date.now() - day)
  const notAfter = new Date(Date.now() + day)
  const caKeys = await newKeys()
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=test-ca",
    keys: caKeys,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  })
  const issue = async (subject: string, extensions: x509.Extension[]): Promise<PemPair> => {
    const keys = await newKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      subject,
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      signingAlgorithm: algorithm,
      notBefore,
      notAfter,
      extensions,
    })
    return { cert: certificate.toString("pem"), key: await keyPem(keys) }
  }
  const names = new x509.SubjectAlternativeNameExtension([
    { type: "ip", value: "127.0.0.1" },
    { type: "dns", value: "localhost" },
  ])
  return {
    ca: ca.toString("pem"),
    server: await issue("CN=apiserver", [
      names,
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ]),
    serverFor: (...dns) =>
      issue("CN=webhook", [
        new x509.SubjectAlternativeNameExtension(dns.map((value) => ({ type: "dns", value }))),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      ]),
    client: (user, groups = []) =>
      issue([`CN=${user}`, ...groups.map((group) => `O=${group}`)].join(", "), [
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      ]),
  }
}
