import { type authenticationv1, type corev1, refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import { type Clock, type Logger, Mutex, type Random } from "@ladya/util"

/** A service-account token and when to fetch its successor, in milliseconds since the epoch. */
export interface IssuedToken {
  token: string
  refreshAt: number
}

export interface TokenRequestKey {
  namespace: string
  serviceAccount: string
  pod: { name: string; uid: string }
  audience: string | undefined
  expirationSeconds: number | undefined
}

/** Tokens for projected volumes, fetched once and kept until they are due for renewal. */
export interface TokenSource {
  get(key: TokenRequestKey, signal?: AbortSignal): Promise<IssuedToken>
  /** Forgets the tokens of a pod. */
  forget(podUid: string): void
}

const defaultLifeSeconds = 3600
/** No token is kept longer than this, whatever its life. */
const maxAgeMs = 24 * 3600 * 1000

/** When to renew: at 80 % of its life or after a day, less up to ten seconds so that not all come at once. */
export function planRefresh(issuedAt: number, expiresAt: number, random: Random): number {
  const life = expiresAt - issuedAt
  return issuedAt + Math.min(life * 0.8, maxAgeMs) - Math.min(random() * 10_000, life * 0.1)
}

interface Held {
  issued: IssuedToken
  expiresAt: number
}

export function newTokenSource(deps: { client: Client; clock: Clock; random: Random; log: Logger }): TokenSource {
  const { client, clock } = deps
  const tokens = new Map<string, Map<string, { held: Held | undefined; mutex: Mutex }>>()

  const fetch = async (key: TokenRequestKey, signal: AbortSignal | undefined): Promise<Held> => {
    signal?.throwIfAborted()
    const request: authenticationv1.TokenRequest = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: {},
      spec: {
        audiences: key.audience ? [key.audience] : [],
        expirationSeconds: key.expirationSeconds ?? defaultLifeSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name: key.pod.name, uid: key.pod.uid },
      },
    }
    const issuedAt = clock.now()
    const answer = await client
      .resource(refs.serviceaccounts)
      .createSubresource(key.serviceAccount, "token", request, { namespace: key.namespace })
    const { token, expirationTimestamp } = answer.status ?? {}
    if (!token) throw new Error("the API server answered a TokenRequest without a token")
    const lifeMs = (request.spec?.expirationSeconds ?? defaultLifeSeconds) * 1000
    const expiresAt = expirationTimestamp ? Date.parse(expirationTimestamp) : issuedAt + lifeMs
    return { issued: { token, refreshAt: planRefresh(issuedAt, expiresAt, deps.random) }, expiresAt }
  }

  /** A token that is due but still good serves on when its successor cannot be had. */
  const renew = async (
    key: TokenRequestKey,
    held: Held | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Held> => {
    if (held && clock.now() < held.issued.refreshAt) return held
    try {
      return await fetch(key, signal)
    } catch (error) {
      if (!held || clock.now() >= held.expiresAt) {
        const message = error instanceof Error ? error.message : String(error)
        throw new Error(`failed to fetch token: ${message}`, { cause: error })
      }
      deps.log.warn("cannot renew a service account token yet", { ...key.pod, namespace: key.namespace, error })
      return { ...held, issued: { ...held.issued, refreshAt: clock.now() + 10_000 } }
    }
  }

  return {
    async get(key, signal) {
      const id = JSON.stringify([key.namespace, key.serviceAccount, key.audience, key.expirationSeconds])
      const ofPod = tokens.get(key.pod.uid) ?? new Map<string, { held: Held | undefined; mutex: Mutex }>()
      tokens.set(key.pod.uid, ofPod)
      const slot = ofPod.get(id) ?? { held: undefined, mutex: new Mutex() }
      ofPod.set(id, slot)
      return slot.mutex.run(async () => {
        slot.held = await renew(key, slot.held, signal)
        return slot.held.issued
      })
    },
    forget(podUid) {
      tokens.delete(podUid)
    },
  }
}

/** The service account a pod runs as. */
export function serviceAccountOf(pod: corev1.Pod): string {
  return pod.spec?.serviceAccountName || pod.spec?.serviceAccount || "default"
}
