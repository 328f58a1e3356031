import type { KubeObject } from "@ladya/apimachinery"
import type { Informer } from "@ladya/client"
import type { Clock } from "@ladya/util"

interface Pending {
  /** The cache must have come this far. */
  version: number
  /** Deleted, and not seen to go yet. */
  deletedUids: Map<string, string>
  since: number
}

/** A write that the cache never shows (the store lost it) is waited for no longer than this. */
const giveUpMs = 300_000

/**
 * Remembers for each owner what was written, until the cache shows it. Planning on a cache that lags behind one's own
 * writes would create or delete twice. It relies on resource versions being numbers that grow, as the API promises
 * since 1.35, and on events being told in their order.
 */
export class Freshness<T extends KubeObject> {
  readonly #informer: Informer<T>
  readonly #clock: Clock
  readonly #pending = new Map<string, Pending>()

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer
    this.#clock = clock
  }

  /** Notes what a create, update or patch for this owner answered. */
  wrote(owner: string, object: KubeObject): void {
    const version = Number(object.metadata.resourceVersion ?? 0)
    const pending = this.#of(owner)
    if (version > pending.version) pending.version = version
  }

  /** Notes a deletion that the API accepted. */
  deleted(owner: string, object: KubeObject): void {
    const { uid = "", namespace, name = "" } = object.metadata
    this.#of(owner).deletedUids.set(uid, namespace ? `${namespace}/${name}` : name)
  }

  /**
   * Whether the cache shows all that was written for this owner. When it does not, the event that is still to come
   * has the owner looked at again: nothing needs to be done but to wait.
   */
  isFresh(owner: string): boolean {
    const pending = this.#pending.get(owner)
    if (!pending) return true
    if (this.#clock.monotonic() - pending.since > giveUpMs) {
      this.#pending.delete(owner)
      return true
    }
    if (Number(this.#informer.resourceVersion ?? 0) < pending.version) return false
    for (const [uid, key] of pending.deletedUids) {
      const cached = this.#informer.get(key)
      const isGoing = cached?.metadata.uid !== uid || cached.metadata.deletionTimestamp !== undefined
      if (!isGoing) return false
      pending.deletedUids.delete(uid)
    }
    this.#pending.delete(owner)
    return true
  }

  forget(owner: string): void {
    this.#pending.delete(owner)
  }

  #of(owner: string): Pending {
    let pending = this.#pending.get(owner)
    if (!pending) {
      pending = { version: 0, deletedUids: new Map(), since: 0 }
      this.#pending.set(owner, pending)
    }
    pending.since = this.#clock.monotonic()
    return pending
  }
}
