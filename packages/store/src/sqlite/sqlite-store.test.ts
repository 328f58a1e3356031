import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { after, test } from "node:test"
import { FakeClock, settle, silentLogger, systemClock } from "@ladya/util"
import { CompactedError, type Store, StoreUnavailableError } from "../store.ts"
import { bytes, storeContract, written } from "../testing/contract.ts"
import { StoreDamagedError } from "./errors.ts"
import { newSqliteStore } from "./sqlite-store.ts"

const root = mkdtempSync(join(tmpdir(), "ladya-store-"))
after(() => rmSync(root, { recursive: true, force: true }))
let files = 0
const newPath = (): string => join(root, String(files++), "store.db")
const open = (path: string, clock = new FakeClock(), maxBytes?: number): Store =>
  newSqliteStore({ path, clock, log: silentLogger, ...(maxBytes ? { maxBytes } : {}) })

storeContract("the SQLite store", { open: (clock) => open(newPath(), clock) })

test("everything is there after a restart: versions, history, revision and compaction", async () => {
  const path = newPath()
  let store = open(path)
  for (let i = 0; i < 50; i++) written(await store.create(`/a/${i}`, bytes(`value ${i}`)))
  written(await store.update("/a/7", bytes("new"), 9))
  written(await store.delete("/a/8", 10))
  await store.compact(20)
  await store.close()

  store = open(path)
  assert.equal(await store.currentRevision(), 53)
  const { items } = await store.list({ prefix: "/a/" })
  assert.equal(items.length, 49)
  assert.equal(String((await store.get("/a/7")).kv?.value), "new")
  assert.equal(String((await store.get("/a/7", { revision: 51 })).kv?.value), "value 7")
  assert.equal((await store.get("/a/7")).kv?.createRevision, 9)
  await assert.rejects(store.get("/a/7", { revision: 19 }), CompactedError)
  const seen: string[] = []
  store.watch({ prefix: "/", afterRevision: 51 }, (batch) => {
    for (const { type, kv, previous } of batch.events)
      seen.push(`${type} ${kv.key}@${kv.modRevision} was ${previous?.value}`)
  })
  await settle()
  assert.deepEqual(seen, ["put /a/7@52 was value 7", "delete /a/8@53 was value 8"])
  await store.close()
})

test("the revision never goes back, even when its row was compacted away", async () => {
  const path = newPath()
  let store = open(path)
  written(await store.create("/a", bytes("x")))
  written(await store.delete("/a", 2))
  await store.compact(3)
  await store.close()
  store = open(path)
  assert.equal(await store.currentRevision(), 3)
  assert.equal(written(await store.create("/a", bytes("x"))).modRevision, 4)
  await store.close()
})

test("a compaction that a crash interrupted is finished at the next start", async () => {
  const path = newPath()
  let store = open(path)
  for (let i = 0; i < 5; i++)
    written(i ? await store.update("/a", bytes(`${i}`), i + 1) : await store.create("/a", bytes("0")))
  written(await store.create("/b", bytes("x")))
  written(await store.delete("/b", 7))
  await store.close()
  // The mark was written, the rows were not yet removed.
  const raw = new DatabaseSync(path)
  raw.exec("UPDATE state SET compacted = 8")
  raw.close()
  store = open(path)
  assert.deepEqual(
    (await store.list({ prefix: "/" })).items.map((kv) => `${kv.key}=${kv.value}`),
    ["/a=4"],
  )
  assert.equal(await store.currentRevision(), 8)
  await settle()
  await store.close()
  const check = new DatabaseSync(path)
  assert.deepEqual(
    check
      .prepare("SELECT revision FROM log")
      .all()
      .map((row) => row["revision"]),
    [6],
  )
  check.close()
})

test("times to live go on through a restart", async () => {
  const path = newPath()
  const clock = new FakeClock()
  let store = open(path, clock)
  written(await store.create("/soon", bytes("x"), { ttlSeconds: 10 }))
  written(await store.create("/later", bytes("x"), { ttlSeconds: 100 }))
  const renewed = written(await store.create("/renewed", bytes("x"), { ttlSeconds: 10 }))
  written(await store.update("/renewed", bytes("x"), renewed.modRevision))
  await store.close()
  await clock.advance(60_000)
  store = open(path, clock)
  await clock.advance(0)
  assert.deepEqual(
    (await store.list({ prefix: "/" })).items.map((kv) => kv.key),
    ["/later", "/renewed"],
  )
  await clock.advance(60_000)
  assert.deepEqual(
    (await store.list({ prefix: "/" })).items.map((kv) => kv.key),
    ["/renewed"],
  )
  await store.close()
})

test("a store that cannot grow refuses writes, loses nothing, and goes on when there is room again", async () => {
  const path = newPath()
  const store = open(path, new FakeClock(), 400_000)
  const value = Buffer.alloc(20_000, "x")
  const acknowledged: string[] = []
  let refusal: unknown
  for (let i = 0; i < 100 && !refusal; i++) {
    try {
      written(await store.create(`/a/${i}`, value))
      acknowledged.push(`/a/${i}`)
    } catch (error) {
      refusal = error
    }
  }
  assert.ok(refusal instanceof StoreUnavailableError, "the store was never full")
  assert.match(refusal.message, /disk is full: free some space/)
  const keys = async (): Promise<string[]> => (await store.list({ prefix: "/" })).items.map((kv) => kv.key).sort()
  assert.deepEqual(await keys(), acknowledged.toSorted())
  const revision = await store.currentRevision()
  // Small writes still fit, so that space can be made.
  for (const key of acknowledged.splice(0, 5)) {
    const { kv } = await store.get(key)
    written(await store.delete(key, kv!.modRevision))
  }
  await store.compact(await store.currentRevision())
  assert.equal(written(await store.create("/b", value)).modRevision, revision + 6)
  await store.close()
  const again = open(path)
  assert.deepEqual((await again.list({ prefix: "/a/" })).items.map((kv) => kv.key).sort(), acknowledged.toSorted())
  await again.close()
})

test("a file that is in use, damaged, foreign or newer is refused with what to do", async () => {
  const path = newPath()
  const store = open(path)
  assert.throws(() => open(path), {
    name: "StoreUnavailableError",
    message: /in use by another process: stop that server/,
  })
  written(await store.create("/a", bytes("x".repeat(10_000))))
  await store.close()

  const newer = new DatabaseSync(path)
  newer.exec("PRAGMA user_version = 99")
  newer.close()
  assert.throws(() => open(path), { name: "StoreDamagedError", message: /written by a newer version/ })

  const foreign = newPath()
  open(foreign).close()
  const other = join(root, "foreign.db")
  const made = new DatabaseSync(other)
  made.exec("CREATE TABLE t (x)")
  made.close()
  assert.throws(() => open(other), { name: "StoreDamagedError", message: /database of another program/ })

  const text = join(root, "text.db")
  writeFileSync(text, "this is no database at all, only a line of text that is long enough to be read as a header")
  assert.throws(() => open(text), { name: "StoreDamagedError", message: /is damaged .*restore it from a backup/ })
})

test("a damaged page is found at the start", async () => {
  const path = newPath()
  const store = open(path)
  for (let i = 0; i < 200; i++) written(await store.create(`/a/${i}`, bytes("x".repeat(500))))
  await store.close()
  const content = readFileSync(path)
  content.fill(0xff, 3 * 4096, 9 * 4096)
  writeFileSync(path, content)
  assert.throws(() => open(path), StoreDamagedError)
})

test("the files and their directory are for their owner alone", async () => {
  const path = newPath()
  const store = open(path)
  written(await store.create("/a", bytes("x")))
  for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600, file)
  await store.close()
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700)
})

test("a store on the system clock lets the process end", async () => {
  const store = open(newPath(), undefined)
  const real = newSqliteStore({ path: newPath(), clock: systemClock, log: silentLogger })
  written(await real.create("/a", bytes("x"), { ttlSeconds: 3600 }))
  await Promise.all([store.close(), real.close()])
})
