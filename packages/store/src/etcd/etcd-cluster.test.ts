import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { type Store, StoreUnavailableError } from "../store.ts"
import { bytes, written } from "../testing/contract.ts"
import { type EtcdCluster, type EtcdClusterOptions, etcdMissing, startEtcd } from "../testing/etcd.ts"
import { type EtcdStoreDeps, newEtcdStore } from "./etcd-store.ts"

const skip = etcdMissing()

async function cluster(t: TestContext, options?: EtcdClusterOptions): Promise<EtcdCluster> {
  const etcd = await startEtcd(options)
  t.after(() => etcd.stop())
  return etcd
}

function storeOn(t: TestContext, etcd: EtcdCluster, options: Partial<EtcdStoreDeps> = {}): Store {
  const deps = { clock: systemClock, log: silentLogger, random: newRandom(7), endpoints: etcd.endpoints }
  const store = newEtcdStore({ ...deps, ...options })
  t.after(() => store.close())
  return store
}

function revisionsOf(store: Store, prefix: string, afterRevision?: number): number[] {
  const seen: number[] = []
  store.watch(afterRevision === undefined ? { prefix } : { prefix, afterRevision }, (batch) => {
    for (const { kv } of batch.events) seen.push(kv.modRevision)
  })
  return seen
}

const ascending = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const eventually = (description: string, condition: () => unknown): Promise<unknown> =>
  waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 10 })

test("kill -9 of etcd members: nothing acknowledged is lost, watches tell all and nothing twice", {
  skip,
}, async (t) => {
  const etcd = await cluster(t, { members: 3 })
  const store = storeOn(t, etcd)
  const seen = revisionsOf(store, "", 1)
  const acknowledged = new Map<string, number>()
  let next = 0
  const writer = async (until: number): Promise<void> => {
    while (next < until) {
      const key = `/w/${next++}`
      acknowledged.set(key, written(await store.create(key, bytes(key))).modRevision)
    }
  }
  const round = async (until: number): Promise<void> => {
    await Promise.all(Array.from({ length: 8 }, () => writer(until)))
  }
  await round(60)
  const during = round(200)
  await eventually("writes to go on", () => acknowledged.size > 80)
  // The one that is in use.
  await etcd.kill(0)
  await during
  assert.equal(acknowledged.size, 200)
  assert.equal(new Set(acknowledged.values()).size, 200)
  assert.equal(await store.currentRevision(), 201, "a write was done twice")
  const { items } = await store.list({ prefix: "/w/" })
  assert.deepEqual(new Map(items.map((kv) => [kv.key, kv.modRevision])), acknowledged)
  await eventually("the watch to see all", () => seen.length >= 200)
  assert.deepEqual(seen, ascending(2, 201))

  // Without a majority nothing is acknowledged, and all goes on when it is back.
  const impatient = storeOn(t, etcd, { unavailableAfterMs: 500 })
  assert.equal(await impatient.currentRevision(), 201)
  await etcd.kill(1)
  await assert.rejects(impatient.currentRevision(), StoreUnavailableError)
  await assert.rejects(impatient.update("/w/0", bytes("x"), acknowledged.get("/w/0") ?? 0), StoreUnavailableError)
  etcd.restart(0)
  const { kv } = await waitFor(systemClock, () => store.get("/w/1"), { description: "etcd", timeoutMs: 60_000 })
  written(await store.update("/w/1", bytes("again"), kv?.modRevision ?? 0))
  await eventually("the watch to go on", () => seen.at(-1) === 201 + seen.length - 200 && seen.length > 200)
  assert.deepEqual(seen, ascending(2, seen.at(-1) ?? 0))
})

test("two stores on one etcd see each other's writes in order, whatever prefix they keep to", { skip }, async (t) => {
  const etcd = await cluster(t)
  const [one, two, apart] = [storeOn(t, etcd), storeOn(t, etcd), storeOn(t, etcd, { prefix: "/apart" })]
  assert.equal(await one.currentRevision(), 1)
  const seen = [revisionsOf(one, "/"), revisionsOf(two, "/", 1)]
  const noneOfMine = revisionsOf(apart, "/a", 1)
  await Promise.all(
    ascending(1, 60)
      .map((i) => (i % 2 ? one : two).create(`/a/${i}`, bytes(String(i))))
      .concat(ascending(1, 5).map((i) => apart.create(`/own/${i}`, bytes("x")))),
  )
  await eventually("both to see all", () => seen.every((revisions) => revisions.at(-1) === 66))
  assert.deepEqual(seen, [ascending(2, 66), ascending(2, 66)])
  assert.deepEqual(noneOfMine, [])
  assert.deepEqual(
    (await apart.list({ prefix: "/" })).items.map((kv) => kv.key),
    ascending(1, 5).map((i) => `/own/${i}`),
  )
  const { kv } = await two.get("/a/1")
  written(await one.update("/a/1", bytes("one"), kv?.modRevision ?? 0))
  assert.equal((await two.update("/a/1", bytes("two"), kv?.modRevision ?? 0)).ok, false)
})

test("keys go with their lease, unless written again", { skip }, async (t) => {
  const store = storeOn(t, await cluster(t))
  const deleted: string[] = []
  store.watch({ prefix: "/" }, (batch) => {
    for (const { type, kv } of batch.events) if (type === "delete") deleted.push(kv.key)
  })
  written(await store.create("/short", bytes("x"), { ttlSeconds: 1 }))
  const kept = written(await store.create("/kept", bytes("x"), { ttlSeconds: 1 }))
  const renewed = written(await store.create("/renewed", bytes("x"), { ttlSeconds: 1 }))
  for (const i of ascending(1, 30)) written(await store.create(`/long/${i}`, bytes("x"), { ttlSeconds: 3600 }))
  written(await store.update("/kept", bytes("y"), kept.modRevision))
  written(await store.update("/renewed", bytes("y"), renewed.modRevision, { ttlSeconds: 3600 }))
  await eventually("the short-lived key to go", () => deleted.length > 0)
  assert.deepEqual(deleted, ["/short"])
  assert.equal((await store.list({ prefix: "/" })).items.length, 32)
})

test("an etcd that is not there is StoreUnavailableError, for reads and writes", async (t) => {
  const store = storeOn(t, { endpoints: ["127.0.0.1:1"] } as unknown as EtcdCluster, { unavailableAfterMs: 200 })
  await assert.rejects(store.currentRevision(), StoreUnavailableError)
  await assert.rejects(store.get("/a"), StoreUnavailableError)
  await assert.rejects(store.create("/a", bytes("x")), StoreUnavailableError)
})
