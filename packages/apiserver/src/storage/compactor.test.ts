import assert from "node:assert/strict"
import { test } from "node:test"
import { CompactedError, newMemoryStore } from "@ladya/store"
import { FakeClock, silentLogger } from "@ladya/util"
import { Compactor } from "./compactor.ts"

test("versions are forgotten when they are old enough, and not before", async () => {
  const clock = new FakeClock()
  const store = newMemoryStore({ clock })
  const minute = 60_000
  const compactor = new Compactor({ store, clock, log: silentLogger, keepMs: 10 * minute })
  compactor.start()
  await store.create("/registry/a", Buffer.from("1"))
  const old = await store.currentRevision()
  await store.update("/registry/a", Buffer.from("2"), old)
  await clock.advance(9 * minute)
  assert.equal((await store.get("/registry/a", { revision: old })).kv?.value.toString(), "1")
  await clock.advance(7 * minute)
  await assert.rejects(store.get("/registry/a", { revision: old }), CompactedError)
  assert.equal((await store.get("/registry/a")).kv?.value.toString(), "2")
  compactor.stop()
  assert.equal(clock.waiting, 0)
  await store.close()
})
