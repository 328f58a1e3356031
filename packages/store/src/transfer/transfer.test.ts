import assert from "node:assert/strict"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { FakeClock, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import {
  CompactedError,
  compactEtcd,
  compactSqlite,
  dumpEtcd,
  dumpSqlite,
  loadEtcd,
  loadSqlite,
  newEtcdStore,
  newSqliteStore,
  readSnapshot,
  type Store,
  StoreDamagedError,
  type StoreDump,
  StoreUnavailableError,
  TransferRefusedError,
  writeSnapshot,
} from "../index.ts"
import { bytes, written } from "../testing/contract.ts"
import { etcdMissing, startEtcd } from "../testing/etcd.ts"

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "ladya-transfer-"))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const clock = systemClock
const openSqlite = (path: string): Store => newSqliteStore({ path, clock, log: silentLogger })
const etcdDeps = (endpoints: readonly string[]) => ({ endpoints, clock, log: silentLogger, random: newRandom(7) })

/** Some history: keys overwritten, deleted, made again, and one that expires in an hour. */
async function fill(store: Store): Promise<void> {
  const a = written(await store.create("/registry/a", bytes("1")))
  written(await store.update("/registry/a", bytes("2"), a.modRevision))
  const b = written(await store.create("/registry/b", bytes("b")))
  written(await store.delete("/registry/b", b.modRevision))
  written(await store.create("/registry/event", bytes("e"), { ttlSeconds: 3600 }))
  written(await store.create("/registry/binary", Buffer.from([0, 255, 10])))
  const c = written(await store.create("/registry/c", bytes("c")))
  written(await store.delete("/registry/c", c.modRevision))
}

/** What a dump holds, without what differs between engines. */
const contents = ({ keys }: StoreDump): string[] =>
  keys.map(({ key, value, expiresAt }) => `${key}=${value.toString("hex")}${expiresAt ? " expires" : ""}`)
const filled = ["/registry/a=32", "/registry/event=65 expires", "/registry/binary=00ff0a"]

function endsInAnHour(dump: StoreDump): void {
  const end = dump.keys.find(({ key }) => key === "/registry/event")?.expiresAt ?? 0
  const seconds = (end - clock.now()) / 1000
  // An etcd lease is shared, and may give a little more.
  assert.ok(seconds > 3500 && seconds < 3800, `${seconds} s left`)
}

test("an embedded store copied into another keeps revisions, and watches go on from there", async (t) => {
  const directory = temporary(t)
  const [from, to] = [join(directory, "from.db"), join(directory, "to.db")]
  const before = openSqlite(from)
  await fill(before)
  const revision = await before.currentRevision()
  const list = await before.list({ prefix: "/registry/" })
  await before.close()
  const dump = dumpSqlite(from)
  assert.deepEqual(contents(dump), filled)
  endsInAnHour(dump)
  const told: string[] = []
  await loadSqlite(to, dump, (done, total) => told.push(`${done}/${total}`))
  assert.deepEqual(told, ["3/3"])
  assert.deepEqual(dumpSqlite(to), dump)
  assert.equal(statSync(to).mode & 0o777, 0o600)

  const after = openSqlite(to)
  assert.equal(await after.currentRevision(), revision)
  assert.deepEqual((await after.list({ prefix: "/registry/" })).items, list.items)
  const seen: number[] = []
  const watch = after.watch({ prefix: "/registry/", afterRevision: revision }, (batch) => {
    seen.push(...batch.events.map((event) => event.kv.modRevision))
  })
  written(await after.create("/registry/new", bytes("n")))
  await waitFor(clock, () => seen.length === 1, { description: "the event", timeoutMs: 30_000 })
  assert.deepEqual(seen, [revision + 1])
  watch.cancel()
  const old = after.watch({ prefix: "/registry/", afterRevision: revision - 1 }, () => undefined)
  assert.ok((await old.ended) instanceof CompactedError)
  await after.close()
})

test("a store in use, a missing one and a target that is not empty are refused", async (t) => {
  const directory = temporary(t)
  const [used, empty] = [join(directory, "used.db"), join(directory, "empty.db")]
  const store = openSqlite(used)
  await fill(store)
  assert.throws(() => dumpSqlite(used), StoreUnavailableError)
  await assert.rejects(loadSqlite(used, { revision: 1, keys: [] }), StoreUnavailableError)
  await store.close()
  await assert.rejects(loadSqlite(used, { revision: 1, keys: [] }), TransferRefusedError)
  assert.throws(() => dumpSqlite(join(directory, "missing.db")), TransferRefusedError)
  await openSqlite(empty).close()
  await loadSqlite(empty, dumpSqlite(used))
  assert.deepEqual(contents(dumpSqlite(empty)), filled)
  assert.ok(!existsSync(`${empty}.part`))
})

test("keys of one revision get one each", async (t) => {
  const path = join(temporary(t), "store.db")
  const stored = (key: string, modRevision: number) => ({
    ...{ key, value: bytes(key), createRevision: 2, modRevision, expiresAt: 0 },
  })
  await loadSqlite(path, { revision: 3, keys: [stored("a", 2), stored("b", 2), stored("c", 3)] })
  const { keys, revision } = dumpSqlite(path)
  assert.deepEqual(
    keys.map(({ key, modRevision }) => `${key}@${modRevision}`),
    ["a@2", "b@3", "c@4"],
  )
  assert.equal(revision, 4)
})

test("a snapshot is read as it was written, and a damaged one is not read at all", async (t) => {
  const directory = temporary(t)
  const path = join(directory, "store.db")
  const store = openSqlite(path)
  await fill(store)
  await store.close()
  const dump = dumpSqlite(path)
  const file = join(directory, "snapshot")
  const size = await writeSnapshot(file, dump, clock.now())
  assert.equal(statSync(file).size, size)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(await readSnapshot(file), dump)

  const whole = readFileSync(file)
  for (const [what, damaged] of [
    ["cut", whole.subarray(0, whole.length - 20)],
    ["no gzip", Buffer.from("rubbish")],
    ["empty", Buffer.alloc(0)],
    ["changed", Buffer.concat([whole.subarray(0, 60), Buffer.from([whole[60]! ^ 1]), whole.subarray(61)])],
  ] as const) {
    writeFileSync(file, damaged)
    await assert.rejects(readSnapshot(file), StoreDamagedError, what)
  }
})

test("compacting an embedded store gives its room back", async (t) => {
  const path = join(temporary(t), "store.db")
  const store = openSqlite(path)
  let { modRevision } = written(await store.create("k", Buffer.alloc(100_000)))
  for (let i = 0; i < 20; i++) {
    modRevision = written(await store.update("k", Buffer.alloc(100_000, i), modRevision)).modRevision
  }
  await store.close()
  const { revision, bytesBefore, bytesAfter } = await compactSqlite(path, { clock, log: silentLogger })
  assert.equal(revision, modRevision)
  assert.ok(bytesAfter < bytesBefore / 4, `${bytesBefore} -> ${bytesAfter}`)
  assert.deepEqual(
    dumpSqlite(path).keys.map(({ key }) => key),
    ["k"],
  )
})

test("from embedded to etcd and back: all keys, lifetimes, and revisions that never go back", {
  skip: etcdMissing(),
}, async (t) => {
  const directory = temporary(t)
  const [from, back] = [join(directory, "from.db"), join(directory, "back.db")]
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  const deps = etcdDeps(etcd.endpoints)
  const before = openSqlite(from)
  await fill(before)
  for (let i = 0; i < 200; i++) written(await before.create(`/registry/many/${i}`, bytes(String(i))))
  const old = await before.currentRevision()
  await before.close()
  const dump = dumpSqlite(from)
  await loadEtcd(deps, dump)
  await assert.rejects(loadEtcd(deps, dump), TransferRefusedError)
  const inEtcd = await dumpEtcd(deps)
  assert.deepEqual(contents(inEtcd).sort(), contents(dump).sort())
  endsInAnHour(inEtcd)
  assert.ok(inEtcd.keys.every(({ modRevision }) => modRevision > old))

  const store = newEtcdStore(deps)
  const now = await store.currentRevision()
  assert.equal(now, inEtcd.revision)
  const { kv } = await store.get("/registry/a")
  assert.ok(kv && kv.modRevision > old)
  await assert.rejects(store.list({ prefix: "/registry/", revision: old }), CompactedError)
  const early = store.watch({ prefix: "/registry/", afterRevision: old }, () => undefined)
  assert.ok((await early.ended) instanceof CompactedError)
  const seen: string[] = []
  const watch = store.watch({ prefix: "/registry/", afterRevision: now }, ({ events }) => {
    for (const { type, kv: own, previous } of events) seen.push(`${type} ${own.modRevision} ${previous?.modRevision}`)
  })
  const stale = await store.update("/registry/a", bytes("x"), old)
  assert.equal(stale.ok, false)
  const next = written(await store.update("/registry/a", bytes("3"), kv.modRevision))
  assert.equal(next.modRevision, now + 1)
  assert.equal((await store.list({ prefix: "/registry/a", revision: now })).items[0]?.value.toString(), "2")
  await waitFor(clock, () => seen.length === 1, { description: "the event", timeoutMs: 30_000 })
  assert.deepEqual(seen, [`put ${now + 1} ${kv.modRevision}`])
  watch.cancel()
  await store.close()

  const compacted = await compactEtcd(deps)
  assert.equal(compacted.revision, next.modRevision)
  await loadSqlite(back, await dumpEtcd(deps))
  const last = openSqlite(back)
  assert.equal(await last.currentRevision(), next.modRevision)
  assert.equal((await last.get("/registry/a")).kv?.modRevision, next.modRevision)
  assert.equal((await last.list({ prefix: "" })).items.length, dump.keys.length)
  await last.close()
})

test("a copy into etcd that broke off is no store, and the next copy begins anew", {
  skip: etcdMissing(),
}, async (t) => {
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  const deps = etcdDeps(etcd.endpoints)
  const stored = (key: string) => ({ key, value: bytes(key), createRevision: 2, modRevision: 2, expiresAt: 0 })
  // The same key twice: somebody else seems to write.
  await assert.rejects(loadEtcd(deps, { revision: 2, keys: [stored("a"), stored("a")] }), /somebody else/)
  const store = newEtcdStore(deps)
  await assert.rejects(store.get("a"), StoreUnavailableError)
  await store.close()
  await loadEtcd(deps, { revision: 2, keys: [stored("b")] })
  assert.deepEqual(
    (await dumpEtcd(deps)).keys.map(({ key }) => key),
    ["b"],
  )
})

test("what is due when it is copied goes soon after", async (t) => {
  const directory = temporary(t)
  const path = join(directory, "store.db")
  const fake = new FakeClock()
  const store = newSqliteStore({ path, clock: fake, log: silentLogger })
  written(await store.create("short", bytes("s"), { ttlSeconds: 5 }))
  await store.close()
  await loadSqlite(join(directory, "copy.db"), dumpSqlite(path))
  await fake.advance(10_000)
  const copy = newSqliteStore({ path: join(directory, "copy.db"), clock: fake, log: silentLogger })
  await fake.advance(1000)
  await waitFor(clock, async () => (await copy.get("short")).kv === undefined, {
    description: "its end",
    timeoutMs: 30_000,
  })
  await copy.close()
})
