import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeClock } from "./fake-clock.ts"
import { silentLogger } from "./log.ts"
import { SyncLoop } from "./sync-loop.ts"

test("many triggers make one run, and a trigger while it runs makes one more", async () => {
  const clock = new FakeClock()
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const loop = new SyncLoop({
    name: "test",
    clock,
    log: silentLogger,
    sync: async () => {
      runs++
      if (runs === 1) await gate.promise
    },
  })
  loop.trigger()
  loop.trigger()
  loop.start()
  await clock.advance(0)
  loop.trigger()
  loop.trigger()
  gate.resolve()
  await clock.advance(10)
  assert.equal(runs, 2)
  await loop.stop()
})

test("a failed run is tried again with back-off", async () => {
  const clock = new FakeClock()
  let runs = 0
  const loop = new SyncLoop({
    name: "test",
    clock,
    log: silentLogger,
    sync: async () => {
      runs++
      if (runs < 3) throw new Error("not yet")
    },
  })
  loop.trigger()
  loop.start()
  await clock.advance(200)
  assert.equal(runs, 1)
  await clock.advance(100)
  assert.equal(runs, 2)
  await clock.advance(10_000)
  assert.equal(runs, 3)
  await loop.stop()
})
