import type { KeyObject } from "node:crypto"
import { type corev1, refs } from "@ladya/api"
import { parseTime } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { Lookup } from "../lookup.ts"
import type { UserInfo } from "./authenticator.ts"
import { newTokenKey, TokenError, type TokenKey, verifyToken } from "./jwt.ts"
import { defaultIssuer, groupsOf, type KubernetesClaim, legacyIssuer, userNameOf } from "./service-account-tokens.ts"

export interface TokenVerifierDeps {
  keys: readonly KeyObject[]
  lookup: Lookup
  clock: Clock
  /** The audiences of the API itself; the issuer unless told. */
  audiences?: readonly string[]
  issuer?: string
}

export interface VerifiedToken {
  user: UserInfo
  /** Those asked for that the token is good for. */
  audiences: readonly string[]
}

/** What a token was bound to may take so long to go before the token is refused, in milliseconds. */
const deletionLeewayMs = 60_000
/** Clocks of issuer and verifier may differ by so much. */
const clockLeewaySeconds = 10

const prefix = "kubernetes.io/serviceaccount"
const extraPrefix = "authentication.kubernetes.io"

interface Claims {
  claim: KubernetesClaim
  audiences: readonly string[]
  jti: string | undefined
  isLegacy: boolean
}

/** Verifies service-account tokens: signature, times, audience, and that what they are bound to still exists. */
export class TokenVerifier {
  readonly audiences: readonly string[]
  readonly #issuer: string
  readonly #keys: readonly TokenKey[]
  readonly #lookup: Lookup
  readonly #clock: Clock

  constructor(deps: TokenVerifierDeps) {
    this.#issuer = deps.issuer ?? defaultIssuer
    this.audiences = deps.audiences ?? [this.#issuer]
    this.#keys = deps.keys.map(newTokenKey)
    this.#lookup = deps.lookup
    this.#clock = deps.clock
  }

  /** Throws TokenError for a token that is not to be accepted. */
  async verify(token: string, wantedAudiences: readonly string[] = this.audiences): Promise<VerifiedToken> {
    const claims = this.#read(verifyToken(token, this.#keys))
    const audiences = wantedAudiences.filter((audience) => claims.audiences.includes(audience))
    if (audiences.length === 0) {
      throw new TokenError(
        `token audiences ${JSON.stringify(claims.audiences)} is invalid for the target audiences ${JSON.stringify(wantedAudiences)}`,
      )
    }
    await this.#checkBindings(claims.claim, claims.isLegacy ? token : undefined)
    return { user: userOf(claims), audiences }
  }

  #read(payload: Record<string, unknown>): Claims {
    const now = this.#clock.now() / 1000
    const { iss, exp, nbf, aud, sub, jti } = payload
    if (iss === legacyIssuer) return this.#readLegacy(payload)
    if (iss !== this.#issuer) throw new TokenError("the token is of another issuer")
    if (typeof exp !== "number" || now > exp + clockLeewaySeconds)
      throw new TokenError("service account token has expired")
    if (typeof nbf === "number" && now < nbf - clockLeewaySeconds)
      throw new TokenError("service account token is not valid yet")
    const claim = payload["kubernetes.io"] as KubernetesClaim | undefined
    const account = claim?.serviceaccount
    if (!claim || !account?.name || !account.uid || sub !== userNameOf(claim.namespace, account.name)) {
      throw new TokenError("the token has no valid kubernetes.io claim")
    }
    const audiences = Array.isArray(aud) ? aud.map(String) : typeof aud === "string" ? [aud] : []
    return { claim, audiences, jti: typeof jti === "string" ? jti : undefined, isLegacy: false }
  }

  #readLegacy(payload: Record<string, unknown>): Claims {
    const text = (name: string): string => {
      const value = payload[`${prefix}/${name}`]
      if (typeof value !== "string" || value === "") throw new TokenError(`${name} claim is missing`)
      return value
    }
    const claim: KubernetesClaim = {
      namespace: text("namespace"),
      serviceaccount: { name: text("service-account.name"), uid: text("service-account.uid") },
      secret: { name: text("secret.name"), uid: "" },
    }
    return { claim, audiences: this.audiences, jti: undefined, isLegacy: true }
  }

  /** `legacyToken` is what the Secret must hold, for a token of a Secret. */
  async #checkBindings(claim: KubernetesClaim, legacyToken: string | undefined): Promise<void> {
    const { namespace, serviceaccount, pod, node, secret } = claim
    const account = await this.#lookup.get(refs.serviceaccounts, namespace, serviceaccount.name)
    this.#check("service account", account, serviceaccount)
    if (secret) {
      const found = await this.#lookup.get(refs.secrets, namespace, secret.name)
      this.#check("secret", found, legacyToken ? { name: secret.name, uid: found?.metadata.uid ?? "" } : secret)
      if (legacyToken) checkSecret(found, legacyToken)
    }
    if (pod) this.#check("pod", await this.#lookup.get(refs.pods, namespace, pod.name), pod)
    // A pod's token names its node for information; a token bound to a node goes with the node.
    else if (node) this.#check("node", await this.#lookup.get(refs.nodes, "", node.name), node)
  }

  #check(
    what: string,
    object: { metadata: { uid?: string; deletionTimestamp?: string } } | undefined,
    wanted: { name: string; uid: string },
  ): void {
    if (!object) throw new TokenError(`${what} ${wanted.name} does not exist`)
    if (object.metadata.uid !== wanted.uid)
      throw new TokenError(`${what} ${wanted.name} has another UID than the token says`)
    const deletedAt = parseTime(object.metadata.deletionTimestamp)
    if (deletedAt !== undefined && this.#clock.now() > deletedAt + deletionLeewayMs) {
      throw new TokenError(`${what} ${wanted.name} has been deleted`)
    }
  }
}

function checkSecret(secret: corev1.Secret | undefined, token: string): void {
  const held = Buffer.from(secret?.data?.["token"] ?? "", "base64").toString()
  if (held !== token) throw new TokenError("the token is not the one in its secret")
}

function userOf({ claim, jti }: Claims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claim
  const extra: Record<string, string[]> = {}
  if (jti) extra[`${extraPrefix}/credential-id`] = [`JTI=${jti}`]
  if (pod) {
    extra[`${extraPrefix}/pod-name`] = [pod.name]
    extra[`${extraPrefix}/pod-uid`] = [pod.uid]
  }
  if (node) {
    extra[`${extraPrefix}/node-name`] = [node.name]
    extra[`${extraPrefix}/node-uid`] = [node.uid]
  }
  return {
    name: userNameOf(namespace, serviceaccount.name),
    uid: serviceaccount.uid,
    groups: groupsOf(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  }
}
