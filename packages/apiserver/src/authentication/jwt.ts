import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto"

/** Why a token is not accepted; never holds the token. */
export class TokenError extends Error {
  override name = "TokenError"
}

type Algorithm = "ES256" | "RS256"

function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return "ES256"
  if (key.asymmetricKeyType === "rsa") return "RS256"
  throw new Error("service-account keys must be RSA or EC P-256")
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url")

/** The name of a key in tokens: the SHA-256 of the public key's DER form. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key
  const der = publicKey.export({ type: "spki", format: "der" })
  return createHash("sha256").update(der).digest("base64url")
}

/** A key that tokens are signed or checked with. */
export interface TokenKey {
  readonly id: string
  readonly key: KeyObject
  readonly algorithm: Algorithm
}

export function newTokenKey(key: KeyObject): TokenKey {
  return { id: keyIdOf(key), key, algorithm: algorithmOf(key) }
}

/** A signed token in the compact form. */
export function signToken(payload: object, { id, key, algorithm }: TokenKey): string {
  const signed = `${encode({ alg: algorithm, kid: id })}.${encode(payload)}`
  const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" })
  return `${signed}.${signature.toString("base64url")}`
}

function parsePart(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"))
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Falls through to the error below.
  }
  throw new TokenError("the token is malformed")
}

/** The payload of a token that one of the keys has signed. Only the signature is checked. Throws TokenError. */
export function verifyToken(token: string, keys: readonly TokenKey[]): Record<string, unknown> {
  const parts = token.split(".")
  if (parts.length !== 3) throw new TokenError("the token is malformed")
  const [head, body, signature] = parts as [string, string, string]
  const { alg, kid } = parsePart(head)
  // The key says which algorithm counts, never the token.
  const candidates = keys.filter((key) => key.algorithm === alg && (kid === undefined || kid === key.id))
  const signed = Buffer.from(`${head}.${body}`)
  const bytes = Buffer.from(signature, "base64url")
  const isValid = candidates.some(({ key }) => verify("sha256", signed, { key, dsaEncoding: "ieee-p1363" }, bytes))
  if (!isValid) throw new TokenError("the signature is not valid")
  return parsePart(body)
}
