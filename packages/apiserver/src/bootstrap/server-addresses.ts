import type { Store } from "@ladya/store"
import { registryPrefix } from "../storage/store-feed.ts"

/** Where the servers on one store can be reached: each keeps a key of its own, which goes soon after it does. */
export interface ServerAddresses {
  /** Says that this server lives. */
  renew(): Promise<void>
  /** Of all servers that live, in a fixed order. */
  all(): Promise<string[]>
  /** This server goes. */
  leave(): Promise<void>
}

const prefix = `${registryPrefix}masterleases/`
/** Three times as long as between two renewals. */
const ttlSeconds = 30

export function newServerAddresses({ store, address }: { store: Store; address: string }): ServerAddresses {
  const key = prefix + address
  return {
    async renew() {
      const { kv } = await store.get(key)
      const value = Buffer.from(address)
      // Written by a server with the same address, if at all: then it lives.
      if (kv) await store.update(key, value, kv.modRevision, { ttlSeconds })
      else await store.create(key, value, { ttlSeconds })
    },
    async all() {
      const { items } = await store.list({ prefix })
      return items.map((item) => item.key.slice(prefix.length)).sort()
    },
    async leave() {
      const { kv } = await store.get(key)
      if (kv) await store.delete(key, kv.modRevision)
    },
  }
}
