import type { Clock, Random } from "@ladya/util"
import type { EtcdConnection } from "./connection.ts"

interface Lease {
  readonly id: number
  /** On the clock's monotonic time. */
  readonly endsAt: number
  keys: number
}

/** So that the end of one lease is not one enormous deletion. */
const maxKeys = 1000
const maxSlackSeconds = 60

/**
 * Leases shared by keys that end at about the same time, since each costs etcd more than a key does. A key may outlive
 * its time by a twentieth, at most by a minute; it never goes early.
 */
export class Leases {
  readonly #connection: EtcdConnection
  readonly #clock: Clock
  readonly #random: Random
  readonly #byTtl = new Map<number, Promise<Lease>>()

  constructor(deps: { connection: EtcdConnection; clock: Clock; random: Random }) {
    this.#connection = deps.connection
    this.#clock = deps.clock
    this.#random = deps.random
  }

  /** The id of a lease that ends in this time. */
  async take(ttlSeconds: number): Promise<number> {
    const seconds = Math.max(1, Math.ceil(ttlSeconds))
    for (;;) {
      const known = this.#byTtl.get(seconds)
      const lease = known && (await known.catch(() => undefined))
      if (lease && lease.keys < maxKeys && lease.endsAt - this.#clock.monotonic() >= seconds * 1000) {
        lease.keys++
        return lease.id
      }
      // Somebody else may have asked for a new one meanwhile.
      if (this.#byTtl.get(seconds) === known) this.#byTtl.set(seconds, this.#grant(seconds))
      const fresh = this.#byTtl.get(seconds) as Promise<Lease>
      const granted = await fresh
      if (granted.keys >= maxKeys) continue
      granted.keys++
      return granted.id
    }
  }

  /** Forgets all: one of them is gone. */
  forget(): void {
    this.#byTtl.clear()
  }

  async #grant(seconds: number): Promise<Lease> {
    const slack = Math.floor(Math.min(maxSlackSeconds, seconds / 20))
    // Our own, below 2^53: etcd's are 64 bits wide.
    const ID = 1 + Math.floor(this.#random() * 2 ** 21) * 2 ** 31 + Math.floor(this.#random() * 2 ** 31)
    const startedAt = this.#clock.monotonic()
    const { answer } = await this.#connection.call("Lease.LeaseGrant", { TTL: seconds + slack, ID })
    return { id: answer.ID, endsAt: startedAt + (seconds + slack) * 1000, keys: 0 }
  }
}
