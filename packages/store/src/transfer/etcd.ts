import { mapLimit } from "@ladya/util"
import { EtcdConnection } from "../etcd/connection.ts"
import { type EtcdStoreDeps, newBareEtcdStore } from "../etcd/etcd-store.ts"
import { behind, rangeOf } from "../etcd/keys.ts"
import { encodeMark, markKey, ownPrefix, readMark, readOffset } from "../etcd/transfer-mark.ts"
import type { Store } from "../store.ts"
import {
  byRevision,
  type OnProgress,
  type StoreDump,
  type StoredKey,
  secondsLeft,
  TransferRefusedError,
} from "./dump.ts"

const pageSize = 1000
/** Writes on their way at once: etcd takes those that come together to the disk together. */
const parallel = 64
const unavailableAfterMs = 10_000

/** Everything in an etcd at one revision, with how long what expires has to live. Servers may go on writing meanwhile. */
export async function dumpEtcd(deps: EtcdStoreDeps): Promise<StoreDump> {
  const store = newBareEtcdStore(deps)
  const connection = new EtcdConnection({ ...deps, unavailableAfterMs: deps.unavailableAfterMs ?? unavailableAfterMs })
  try {
    const offset = await readOffset(store)
    const prefix = deps.prefix ?? ""
    const { key: first, rangeEnd } = rangeOf(Buffer.from(prefix))
    const keys: StoredKey[] = []
    const ends = new Map<number, number>()
    let key = first
    let revision = 0
    for (;;) {
      const { answer } = await connection.call("KV.Range", { key, rangeEnd, limit: pageSize, revision })
      if (revision === 0) revision = answer.header.revision
      for (const kv of answer.kvs) {
        const name = kv.key.toString().slice(prefix.length)
        if (name.startsWith(ownPrefix)) continue
        const expiresAt = kv.lease === 0 ? 0 : await endOf(connection, kv.lease, ends, deps)
        // Its lease has ended while it was read: it is gone by now.
        if (expiresAt === undefined) continue
        keys.push({
          key: name,
          value: Buffer.from(kv.value),
          createRevision: kv.createRevision + offset,
          modRevision: kv.modRevision + offset,
          expiresAt,
        })
      }
      const last = answer.kvs.at(-1)
      if (!last || answer.count <= answer.kvs.length) break
      key = behind(last.key)
    }
    return { revision: revision + offset, keys: keys.sort(byRevision) }
  } finally {
    connection.close()
    await store.close()
  }
}

/** When a lease ends, in milliseconds since the epoch; undefined for one that is gone. Asked once a lease. */
async function endOf(
  connection: EtcdConnection,
  lease: number,
  known: Map<number, number>,
  { clock }: EtcdStoreDeps,
): Promise<number | undefined> {
  const before = known.get(lease)
  if (before !== undefined) return before
  const { answer } = await connection.call("Lease.LeaseTimeToLive", { ID: lease })
  if (answer.TTL < 0) return undefined
  const end = clock.now() + answer.TTL * 1000
  known.set(lease, end)
  return end
}

/** Throws a TransferRefusedError unless the etcd is empty, or holds no more than a copy that broke off. */
export async function requireEmptyEtcd(deps: EtcdStoreDeps): Promise<void> {
  const store = newBareEtcdStore(deps)
  try {
    await requireEmpty(store, deps)
  } finally {
    await store.close()
  }
}

async function requireEmpty(store: Store, { endpoints }: EtcdStoreDeps): Promise<void> {
  const { items, remaining } = await store.list({ prefix: "", limit: 1 })
  if (items.length === 0 || (await readMark(store))?.complete === false) return
  throw new TransferRefusedError(`etcd at ${endpoints.join(",")} is not empty (${items.length + remaining} keys)`)
}

/**
 * Fills an empty etcd with a dump. Revisions go on from the dump's: every key gets a new one, greater than all before.
 * A copy that breaks off is marked, is not opened as a store, and is begun anew by the next. Throws as `requireEmptyEtcd`.
 */
export async function loadEtcd(
  deps: EtcdStoreDeps,
  dump: StoreDump,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  const store = newBareEtcdStore(deps)
  try {
    await requireEmpty(store, deps)
    await clear(store)
    const mark = await store.create(markKey, encodeMark({ offset: dump.revision, complete: false }))
    if (!mark.ok) throw new TransferRefusedError("somebody else is copying into this etcd")
    let done = 0
    await mapLimit(dump.keys, parallel, async (stored) => {
      const ttlSeconds = secondsLeft(stored, deps.clock.now())
      const options = ttlSeconds === undefined ? {} : { ttlSeconds }
      const result = await store.create(stored.key, stored.value, options)
      if (!result.ok) throw new Error(`somebody else writes to this etcd: ${stored.key} was there already`)
      onProgress(++done, dump.keys.length)
    })
    await store.update(markKey, encodeMark({ offset: dump.revision, complete: true }), mark.kv.modRevision)
  } finally {
    await store.close()
  }
}

/** Removes what a copy that broke off has left. */
async function clear(store: Store): Promise<void> {
  const { items } = await store.list({ prefix: "" })
  // The mark goes last: what is left without it would look like somebody's data.
  const rest = items.filter(({ key }) => key !== markKey)
  await mapLimit(rest, parallel, (kv) => store.delete(kv.key, kv.modRevision))
  for (const kv of items) if (kv.key === markKey) await store.delete(kv.key, kv.modRevision)
}

/** Forgets all overwritten versions and gives their room back, one member after another. Servers may be running. */
export async function compactEtcd(
  deps: EtcdStoreDeps,
): Promise<{ revision: number; bytesBefore: number; bytesAfter: number }> {
  const store = newBareEtcdStore(deps)
  const members = deps.endpoints.map(
    (endpoint) => new EtcdConnection({ ...deps, endpoints: [endpoint], unavailableAfterMs }),
  )
  const size = async (): Promise<number> => {
    const sizes = await Promise.all(members.map((member) => member.call("Maintenance.Status", {})))
    return Math.max(...sizes.map(({ answer }) => answer.dbSize))
  }
  try {
    const offset = await readOffset(store)
    const bytesBefore = await size()
    const revision = await store.currentRevision()
    await store.compact(revision)
    for (const member of members) await member.call("Maintenance.Defragment", {})
    return { revision: revision + offset, bytesBefore, bytesAfter: await size() }
  } finally {
    for (const member of members) member.close()
    await store.close()
  }
}
