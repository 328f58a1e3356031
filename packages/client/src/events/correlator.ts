import type { corev1 } from "@ladya/api"
import type { Clock } from "@ladya/util"
import { TokenBucket } from "../queue/work-queue.ts"

/** What a component wants to say; becomes a new Event or counts up one that is there. */
export interface Observation {
  involvedObject: corev1.ObjectReference
  source: corev1.EventSource
  type: "Normal" | "Warning"
  reason: string
  message: string
}

/** How an observation reaches the API. */
export interface Correlated {
  message: string
  /** Tells events apart: those with the same key are one Event whose count goes up. */
  key: string
}

const aggregateAfter = 10
const aggregateWithinMs = 600_000
const maxKeys = 4096
const burstPerObject = 25
const refillPerSecond = 1 / 300

/**
 * Keeps events from flooding the API: of one source about one object only 25 in a burst and then one in five minutes;
 * more than ten alike within ten minutes that differ in the message alone become one.
 */
export class Correlator {
  readonly #clock: Clock
  readonly #buckets = new LruMap<TokenBucket>(maxKeys)
  readonly #similar = new LruMap<{ messages: Set<string>; lastMs: number }>(maxKeys)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined: say nothing. */
  correlate(observation: Observation): Correlated | undefined {
    const { involvedObject: object, source, type, reason, message } = observation
    const about = [
      source.component,
      source.host,
      object.kind,
      object.namespace,
      object.name,
      object.uid,
      object.apiVersion,
    ].join("\u0000")
    const family = [about, object.fieldPath, type, reason].join("\u0000")
    const similar = this.#similar.get(family)
    const now = this.#clock.now()
    const group =
      similar && now - similar.lastMs <= aggregateWithinMs ? similar : { messages: new Set<string>(), lastMs: now }
    group.lastMs = now
    group.messages.add(message)
    this.#similar.set(family, group)
    const combined = group.messages.size >= aggregateAfter
    // The set must not grow for ever: one message more than the limit says all there is to say.
    if (combined) group.messages.delete(message)
    const bucket = this.#buckets.get(about) ?? newSpamBucket(this.#clock)
    this.#buckets.set(about, bucket)
    if (!bucket.tryTake()) return undefined
    if (combined) return { message: `(combined from similar events): ${message}`, key: family }
    return { message, key: `${family}\u0000${message}` }
  }
}

function newSpamBucket(clock: Clock): TokenBucket {
  return new TokenBucket(clock, { perSecond: refillPerSecond, burst: burstPerObject })
}

/** A map that forgets what was not used for longest. */
export class LruMap<V> {
  readonly #entries = new Map<string, V>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#entries.keys().next().value as string)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
