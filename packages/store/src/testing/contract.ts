import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { FakeClock, newRandom, settle, systemClock, waitFor } from "@ladya/util"
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type Store,
  StoreUnavailableError,
  type Watch,
  type WatchBatch,
  type WriteResult,
} from "../store.ts"

export interface ContractSubject {
  /** A fresh, empty store on this clock. */
  open(clock: FakeClock): Promise<Store> | Store
  /** Ends what `open` began beside the store. */
  cleanUp?(): Promise<void>
  /** False where the engine counts time itself: lifetimes are then tested by the driver. True unless told. */
  onOurClock?: boolean
  /** False where reads fetch their values from elsewhere: every reader then has its own. True unless told. */
  sharesBuffers?: boolean
  /** How many random writes are compared with the model; 4000 unless told. */
  modelWrites?: number
  /** Why it cannot run here. */
  skip?: string | false
}

export const bytes = (text: string): Buffer => Buffer.from(text)

/** The version that a write made; fails the test when its condition did not hold. */
export function written(result: WriteResult): KeyValue {
  assert.ok(result.ok, "the write's condition did not hold")
  return result.kv
}

async function put(store: Store, key: string, text: string): Promise<KeyValue> {
  const { kv } = await store.get(key)
  return written(kv ? await store.update(key, bytes(text), kv.modRevision) : await store.create(key, bytes(text)))
}

async function remove(store: Store, key: string): Promise<KeyValue> {
  const { kv } = await store.get(key)
  assert.ok(kv)
  return written(await store.delete(key, kv.modRevision))
}

interface Recorder {
  batches: WatchBatch[]
  /** `put a@2=x` or `delete a@3`, with `<y` where there was a version before. */
  texts(): string[]
  watch: Watch
  /** Waits until the watch has been told of this revision. */
  sees(revision: number): Promise<unknown>
}

function record(store: Store, prefix: string, afterRevision?: number): Recorder {
  const batches: WatchBatch[] = []
  const options = afterRevision === undefined ? { prefix } : { prefix, afterRevision }
  const watch = store.watch(options, (batch) => batches.push(batch))
  const texts = (): string[] =>
    batches.flatMap((batch) =>
      batch.events.map(({ type, kv, previous }) => {
        const value = type === "put" ? `=${kv.value}` : ""
        return `${type} ${kv.key}@${kv.modRevision}${value}${previous ? `<${previous.value}` : ""}`
      }),
    )
  const sees = (revision: number): Promise<unknown> =>
    waitFor(systemClock, () => (batches.at(-1)?.revision ?? 0) >= revision, {
      description: `the watch to see revision ${revision}`,
      timeoutMs: 10_000,
      intervalMs: 1,
    })
  return { batches, texts, watch, sees }
}

const keysOf = (items: readonly KeyValue[]): string[] => items.map((kv) => kv.key)

/** What every driver must do. Call it at the top of the driver's test file. */
export function storeContract(name: string, subject: ContractSubject): void {
  const check = (title: string, body: (store: Store, clock: FakeClock) => Promise<void>): void => {
    test(title, { skip: subject.skip ?? false }, async () => {
      const clock = new FakeClock()
      const store = await subject.open(clock)
      try {
        await body(store, clock)
      } finally {
        await store.close()
        await subject.cleanUp?.()
      }
    })
  }
  describe(`${name} keeps the store contract:`, () => {
    conditions(check)
    if (subject.sharesBuffers !== false) sharing(check)
    lists(check)
    model(check, subject.modelWrites ?? 4000)
    revisions(check)
    watches(check)
    if (subject.onOurClock !== false) lifetimes(check)
    closing(check)
  })
}

type Check = (title: string, body: (store: Store, clock: FakeClock) => Promise<void>) => void

function conditions(check: Check): void {
  check("an empty store is at revision 1 and has nothing", async (store) => {
    assert.equal(await store.currentRevision(), 1)
    assert.deepEqual(await store.get("/a"), { kv: undefined, revision: 1 })
    assert.deepEqual(await store.list({ prefix: "" }), { items: [], revision: 1, remaining: 0 })
  })

  check("create, update and delete count revisions up by one", async (store) => {
    const value = bytes("one")
    const created = written(await store.create("/a", value))
    assert.deepEqual(created, { key: "/a", value, createRevision: 2, modRevision: 2 })
    const updated = written(await store.update("/a", bytes("two"), 2))
    assert.deepEqual([updated.createRevision, updated.modRevision], [2, 3])
    const deleted = written(await store.delete("/a", 3))
    assert.deepEqual([String(deleted.value), deleted.createRevision, deleted.modRevision], ["two", 2, 4])
    assert.deepEqual(await store.get("/a"), { kv: undefined, revision: 4 })
    assert.equal(written(await store.create("/a", value)).createRevision, 5)
  })

  check("a write whose condition does not hold changes nothing and shows what stands there", async (store) => {
    const kv = written(await store.create("/a", bytes("x")))
    assert.deepEqual(await store.create("/a", bytes("y")), { ok: false, current: kv })
    assert.deepEqual(await store.update("/a", bytes("y"), 99), { ok: false, current: kv })
    assert.deepEqual(await store.update("/b", bytes("y"), 2), { ok: false, current: undefined })
    assert.deepEqual(await store.update("/b", bytes("y"), 0), { ok: false, current: undefined })
    assert.deepEqual(await store.delete("/a", 99), { ok: false, current: kv })
    assert.deepEqual(await store.delete("/b", 0), { ok: false, current: undefined })
    assert.equal(await store.currentRevision(), 2)
  })

  check("of writes that race on one key, exactly one wins each round", async (store) => {
    const creates = await Promise.all(Array.from({ length: 20 }, (_, i) => store.create("/a", bytes(String(i)))))
    assert.deepEqual(
      creates.map((result) => result.ok),
      creates.map((_, i) => i === 0),
    )
    const { kv } = await store.get("/a")
    const updates = await Promise.all([
      store.update("/a", bytes("x"), kv!.modRevision),
      store.update("/a", bytes("y"), kv!.modRevision),
      store.delete("/a", kv!.modRevision),
      store.update("/a", bytes("z"), kv!.modRevision + 1),
      store.delete("/a", kv!.modRevision + 2),
      store.create("/a", bytes("again")),
    ])
    assert.deepEqual(
      updates.map((result) => result.ok),
      [true, false, false, true, true, true],
    )
    assert.equal(String((await store.get("/a")).kv?.value), "again")
    assert.equal(await store.currentRevision(), 6)
  })

  check("an empty value is a value", async (store) => {
    const { value } = written(await store.create("/a", bytes("")))
    assert.equal(value.length, 0)
    const deleted = record(store, "/")
    await settle()
    await remove(store, "/a")
    const nothing = deleted.batches.flatMap((batch) => batch.events)[0]!.kv.value
    written(await store.create("/b", nothing))
    assert.deepEqual(keysOf((await store.list({ prefix: "/" })).items), ["/b"])
  })
}

function sharing(check: Check): void {
  check("readers get one and the same buffer", async (store) => {
    await store.create("/a", bytes("x"))
    const first = (await store.get("/a")).kv
    const second = (await store.list({ prefix: "/" })).items[0]
    assert.equal(first?.value, second?.value)
  })
}

function lists(check: Check): void {
  check("lists by prefix in the order of the keys' bytes", async (store) => {
    const keys = ["/b", "/a/2", "/a/10", "/a", "/a-", "/a/\u{1F600}", "/a/\uE000", "/a/é", "/c"]
    for (const key of keys) await store.create(key, bytes(key))
    const inOrder = [...keys].sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
    assert.deepEqual(keysOf((await store.list({ prefix: "" })).items), inOrder)
    assert.deepEqual(keysOf((await store.list({ prefix: "/a/" })).items), [
      "/a/10",
      "/a/2",
      "/a/é",
      "/a/\uE000",
      "/a/\u{1F600}",
    ])
    assert.deepEqual(keysOf((await store.list({ prefix: "/d" })).items), [])
  })

  check("pages with after, limit and remaining", async (store) => {
    for (let i = 0; i < 10; i++) await store.create(`/x/${i}`, bytes("v"))
    await store.create("/w", bytes("v"))
    await store.create("/y", bytes("v"))
    await remove(store, "/x/4")
    const first = await store.list({ prefix: "/x/", limit: 3 })
    assert.deepEqual([keysOf(first.items), first.remaining], [["/x/0", "/x/1", "/x/2"], 6])
    const second = await store.list({ prefix: "/x/", limit: 3, after: "/x/2" })
    assert.deepEqual([keysOf(second.items), second.remaining], [["/x/3", "/x/5", "/x/6"], 3])
    const third = await store.list({ prefix: "/x/", limit: 3, after: "/x/6" })
    assert.deepEqual([keysOf(third.items), third.remaining], [["/x/7", "/x/8", "/x/9"], 0])
    assert.deepEqual(keysOf((await store.list({ prefix: "/x/", after: "/x/9" })).items), [])
    assert.deepEqual(keysOf((await store.list({ prefix: "/x/", after: "/a", limit: 1 })).items), ["/x/0"])
    assert.deepEqual(keysOf((await store.list({ prefix: "/x/", after: "/x/85" })).items), ["/x/9"])
    const old = await store.list({ prefix: "/x/", limit: 4, after: "/x/2", revision: 13 })
    assert.deepEqual([keysOf(old.items), old.remaining], [["/x/3", "/x/4", "/x/5", "/x/6"], 3])
  })
}

function model(check: Check, writes: number): void {
  check("stays in step with a plain model over many random writes", async (store) => {
    const seed = 20261
    const random = newRandom(seed)
    const model = new Map<string, string>()
    const snapshots = new Map<number, Map<string, string>>()
    for (let i = 0; i < writes; i++) {
      const key = `/${Math.floor(random() * 3)}/${Math.floor(random() * 1500)}`
      if (model.has(key) && random() < 0.4) {
        await remove(store, key)
        model.delete(key)
      } else {
        await put(store, key, String(i))
        model.set(key, String(i))
      }
      if ((i + 1) % (writes / 8) === 0) snapshots.set(await store.currentRevision(), new Map(model))
    }
    for (const [revision, snapshot] of snapshots) {
      for (const prefix of ["", "/1/", "/1/1", "/2/77"]) {
        const expected = [...snapshot].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1))
        const { items } = await store.list({ prefix, revision })
        assert.deepEqual(
          items.map((kv) => [kv.key, String(kv.value)]),
          expected,
          `seed ${seed}`,
        )
        const page = await store.list({ prefix, revision, limit: 7 })
        assert.equal(page.remaining, Math.max(0, expected.length - 7))
      }
    }
  })
}

function revisions(check: Check): void {
  check("reads show the state as of a revision", async (store) => {
    await put(store, "/a", "1")
    await put(store, "/b", "1")
    await put(store, "/a", "2")
    await remove(store, "/a")
    await put(store, "/a", "3")
    const seen: string[] = []
    for (let revision = 1; revision <= 6; revision++) {
      const { items } = await store.list({ prefix: "/", revision })
      const { kv } = await store.get("/a", { revision })
      seen.push(`${items.map((item) => `${item.key}=${item.value}`).join(" ")} | ${kv ? kv.value : "-"}`)
    }
    assert.deepEqual(seen, [" | -", "/a=1 | 1", "/a=1 /b=1 | 1", "/a=2 /b=1 | 2", "/b=1 | -", "/a=3 /b=1 | 3"])
    await assert.rejects(store.get("/a", { revision: 7 }), FutureRevisionError)
    await assert.rejects(store.list({ prefix: "/", revision: 7 }), FutureRevisionError)
  })

  check("compaction forgets what was overwritten, and nothing that still stands", async (store) => {
    await put(store, "/a", "1")
    await put(store, "/a", "2")
    await put(store, "/b", "1")
    await remove(store, "/b")
    await put(store, "/a", "3")
    await store.compact(5)
    await assert.rejects(store.get("/a", { revision: 4 }), CompactedError)
    await assert.rejects(
      store.list({ prefix: "/", revision: 4 }),
      (error: CompactedError) => error.compactedRevision === 5,
    )
    assert.equal(String((await store.get("/a", { revision: 5 })).kv?.value), "2")
    assert.deepEqual(keysOf((await store.list({ prefix: "/", revision: 5 })).items), ["/a"])
    assert.equal(String((await store.get("/a")).kv?.value), "3")
    await store.compact(3)
    await store.compact(6)
    assert.equal(String((await store.get("/a", { revision: 6 })).kv?.value), "3")
    await assert.rejects(store.compact(7), FutureRevisionError)
    assert.equal(written(await store.create("/b", bytes("again"))).modRevision, 7)
  })
}

function watches(check: Check): void {
  check("a watch tells what happens from now on, under its prefix", async (store) => {
    await put(store, "/a/1", "old")
    const seen = record(store, "/a/")
    await put(store, "/a/1", "x")
    await put(store, "/b/1", "x")
    await put(store, "/a/2", "y")
    await remove(store, "/a/1")
    await seen.sees(6)
    assert.deepEqual(seen.texts(), ["put /a/1@3=x<old", "put /a/2@5=y", "delete /a/1@6<x"])
    const gone = seen.batches.flatMap((batch) => batch.events)[2]!.kv
    assert.deepEqual([gone.key, gone.value.length, gone.modRevision], ["/a/1", 0, 6])
  })

  check("an event is seen by watches before its writer is answered", async (store) => {
    const seen = record(store, "/")
    await settle()
    await put(store, "/a", "1")
    assert.deepEqual(seen.texts(), ["put /a@2=1"])
  })

  check("a watch from a revision first tells what was missed, and nothing twice", async (store) => {
    for (let i = 0; i < 5; i++) await put(store, "/a", String(i))
    const seen = record(store, "/", 3)
    const others = Array.from({ length: 8 }, (_, i) => put(store, `/b/${i}`, "x"))
    await Promise.all(others)
    await seen.sees(14)
    const numbers = seen.batches.flatMap((batch) => batch.events.map((event) => event.kv.modRevision))
    assert.deepEqual(numbers, [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    for (const batch of seen.batches) {
      for (const event of batch.events) assert.ok(event.kv.modRevision <= batch.revision)
    }
  })

  check("a watch from a revision to come waits for it", async (store) => {
    const seen = record(store, "/", 3)
    for (const text of ["1", "2", "3", "4"]) await put(store, "/a", text)
    await seen.sees(5)
    assert.deepEqual(seen.texts(), ["put /a@4=3<2", "put /a@5=4<3"])
  })

  check("a watch from a compacted revision ends with CompactedError", async (store) => {
    for (let i = 0; i < 5; i++) await put(store, "/a", String(i))
    await store.compact(4)
    assert.ok((await record(store, "/", 3).watch.ended) instanceof CompactedError)
    const seen = record(store, "/", 4)
    await seen.sees(6)
    assert.deepEqual(seen.texts(), ["put /a@5=3<2", "put /a@6=4<3"])
  })

  check("a watch that has nothing to tell learns the revision", async (store) => {
    const seen = record(store, "/a/")
    await put(store, "/b", "1")
    await put(store, "/b", "2")
    await seen.sees(3)
    assert.equal(seen.batches.at(-1)?.revision, 3)
    assert.deepEqual(seen.texts(), [])
  })

  check("after cancel no callback comes, and `ended` resolves without an error", async (store) => {
    const seen = record(store, "/")
    await put(store, "/a", "1")
    await settle()
    const before = seen.batches.length
    seen.watch.cancel()
    await put(store, "/a", "2")
    await settle()
    assert.equal(seen.batches.length, before)
    assert.equal(await seen.watch.ended, undefined)
  })

  check("a watcher may write in its callback; all watchers see one order", async (store) => {
    const writes: Promise<unknown>[] = []
    const watch = store.watch({ prefix: "/in/" }, (batch) => {
      for (const { kv } of batch.events) writes.push(store.create(kv.key.replace("/in/", "/out/"), kv.value))
    })
    const seen = record(store, "/")
    await settle()
    for (let i = 0; i < 5; i++) await put(store, `/in/${i}`, "x")
    await seen.sees(6)
    await Promise.all(writes)
    await seen.sees(11)
    const numbers = seen.batches.flatMap((batch) => batch.events.map((event) => event.kv.modRevision))
    assert.deepEqual(numbers, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    watch.cancel()
  })

  check("a callback that throws ends its own watch alone", async (store) => {
    const bad = store.watch({ prefix: "/" }, (batch) => {
      if (batch.events.length > 0) throw new Error("broken watcher")
    })
    const seen = record(store, "/")
    await settle()
    await put(store, "/a", "1")
    assert.equal((await bad.ended)?.message, "broken watcher")
    assert.deepEqual(seen.texts(), ["put /a@2=1"])
  })
}

function lifetimes(check: Check): void {
  check("a key with a time to live goes when it is over, unless written again", async (store, clock) => {
    written(await store.create("/short", bytes("x"), { ttlSeconds: 10 }))
    written(await store.create("/long", bytes("x"), { ttlSeconds: 100 }))
    const renewed = written(await store.create("/renewed", bytes("x"), { ttlSeconds: 10 }))
    const kept = written(await store.create("/kept", bytes("x"), { ttlSeconds: 10 }))
    await clock.advance(5000)
    written(await store.update("/renewed", bytes("y"), renewed.modRevision, { ttlSeconds: 10 }))
    written(await store.update("/kept", bytes("y"), kept.modRevision))
    const seen = record(store, "/")
    await clock.advance(7000)
    assert.deepEqual(keysOf((await store.list({ prefix: "/" })).items), ["/kept", "/long", "/renewed"])
    assert.deepEqual(seen.texts(), ["delete /short@8<x"])
    await clock.advance(200_000)
    assert.deepEqual(keysOf((await store.list({ prefix: "/" })).items), ["/kept"])
  })
}

function closing(check: Check): void {
  check("close finishes writes in flight, ends watches, and refuses what comes after", async (store) => {
    const seen = record(store, "/")
    await settle()
    const inFlight = store.create("/a", bytes("1"))
    await store.close()
    written(await inFlight)
    assert.deepEqual(seen.texts(), ["put /a@2=1"])
    assert.ok((await seen.watch.ended) instanceof StoreUnavailableError)
    await assert.rejects(store.create("/b", bytes("1")), StoreUnavailableError)
    await assert.rejects(store.get("/a"), StoreUnavailableError)
    await store.close()
  })
}
