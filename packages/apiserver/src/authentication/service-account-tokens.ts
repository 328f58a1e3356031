import type { KeyObject } from "node:crypto"
import type { Clock } from "@ladya/util"
import { newTokenKey, signToken, type TokenKey } from "./jwt.ts"

export const defaultIssuer = "https://kubernetes.default.svc.cluster.local"
/** The issuer of tokens that stand in Secrets. */
export const legacyIssuer = "kubernetes/serviceaccount"

interface Named {
  name: string
  uid: string
}

/** What a service-account token says of whom it was made for: the claim `kubernetes.io`. */
export interface KubernetesClaim {
  namespace: string
  serviceaccount: Named
  pod?: Named
  node?: Named
  secret?: Named
  /** Seconds since the epoch: a token used after this should have been renewed by then. */
  warnafter?: number
}

export interface TokenClaims {
  iss: string
  sub: string
  aud: string[]
  /** Times are in seconds since the epoch. */
  exp: number
  iat: number
  nbf: number
  jti: string
  "kubernetes.io": KubernetesClaim
}

export interface TokenWish {
  claim: KubernetesClaim
  audiences: readonly string[]
  lifetimeSeconds: number
}

/** A Secret that wants the token of its account. */
export interface LegacyTokenWish {
  namespace: string
  serviceAccountName: string
  serviceAccountUid: string
  secretName: string
}

export const userNameOf = (namespace: string, name: string): string => `system:serviceaccount:${namespace}:${name}`

export const groupsOf = (namespace: string): string[] => [
  "system:serviceaccounts",
  `system:serviceaccounts:${namespace}`,
  "system:authenticated",
]

export interface TokenIssuerDeps {
  key: KeyObject
  clock: Clock
  /** defaultIssuer unless told. */
  issuer?: string
}

/** Signs service-account tokens. */
export class TokenIssuer {
  readonly issuer: string
  readonly #key: TokenKey
  readonly #clock: Clock

  constructor(deps: TokenIssuerDeps) {
    this.issuer = deps.issuer ?? defaultIssuer
    this.#key = newTokenKey(deps.key)
    this.#clock = deps.clock
  }

  issue(wish: TokenWish): { token: string; expiresAtMs: number } {
    const now = Math.floor(this.#clock.now() / 1000)
    const { claim } = wish
    const claims: TokenClaims = {
      aud: [...wish.audiences],
      exp: now + wish.lifetimeSeconds,
      iat: now,
      iss: this.issuer,
      jti: crypto.randomUUID(),
      "kubernetes.io": claim,
      nbf: now,
      sub: userNameOf(claim.namespace, claim.serviceaccount.name),
    }
    return { token: signToken(claims, this.#key), expiresAtMs: claims.exp * 1000 }
  }

  /** The content of a Secret of type kubernetes.io/service-account-token: good until Secret or account are gone. */
  async issueLegacy(secret: LegacyTokenWish): Promise<string> {
    const prefix = "kubernetes.io/serviceaccount"
    const claims = {
      iss: legacyIssuer,
      [`${prefix}/namespace`]: secret.namespace,
      [`${prefix}/secret.name`]: secret.secretName,
      [`${prefix}/service-account.name`]: secret.serviceAccountName,
      [`${prefix}/service-account.uid`]: secret.serviceAccountUid,
      sub: userNameOf(secret.namespace, secret.serviceAccountName),
    }
    return signToken(claims, this.#key)
  }
}
