import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeClock, MetricsRegistry } from "@ladya/util"
import { newWorkQueue } from "./work-queue.ts"

test("a key waits once, is never worked on twice at a time, and comes again when added meanwhile", async () => {
  const queue = newWorkQueue({ clock: new FakeClock(), name: "t" })
  queue.add("a")
  queue.add("a")
  queue.add("b")
  assert.equal(queue.length, 2)
  assert.equal(await queue.get(), "a")
  queue.add("a")
  assert.equal(queue.length, 1)
  assert.equal(await queue.get(), "b")
  const next = queue.get()
  queue.done("a")
  assert.equal(await next, "a")
  queue.done("a")
  queue.done("b")
  assert.equal(queue.length, 0)
})

test("delays: the shortest counts, an add at once overrides it", async () => {
  const clock = new FakeClock()
  const queue = newWorkQueue({ clock, name: "t" })
  queue.addAfter("a", 1000)
  queue.addAfter("a", 500)
  queue.addAfter("a", 2000)
  await clock.advance(499)
  assert.equal(queue.length, 0)
  await clock.advance(1)
  assert.equal(queue.length, 1)
  queue.addAfter("b", 1000)
  queue.add("b")
  assert.equal(clock.waiting, 0)
  assert.equal(queue.length, 2)
})

test("back-off doubles from 5 ms to 1000 s and starts afresh after forget", async () => {
  const clock = new FakeClock()
  const queue = newWorkQueue({ clock, name: "t", bucket: { perSecond: 1e9, burst: 1e9 } })
  const delays: number[] = []
  for (let i = 0; i < 20; i++) {
    const before = clock.now()
    queue.addRateLimited("a")
    const got = queue.get()
    let taken = false
    void got.then(() => {
      taken = true
    })
    while (!taken) await clock.advance(5)
    delays.push(clock.now() - before)
    queue.done("a")
    if (i === 7) break
  }
  assert.deepEqual(delays, [5, 10, 20, 40, 80, 160, 320, 640])
  assert.equal(queue.retries("a"), 8)
  queue.forget("a")
  assert.equal(queue.retries("a"), 0)
})

test("the overall bucket slows a storm of failures down", async () => {
  const clock = new FakeClock()
  const queue = newWorkQueue({ clock, name: "t", bucket: { perSecond: 10, burst: 2 } })
  for (const key of ["a", "b", "c", "d"]) queue.addRateLimited(key)
  await clock.advance(5)
  assert.equal(queue.length, 2)
  await clock.advance(95)
  assert.equal(queue.length, 3)
  await clock.advance(100)
  assert.equal(queue.length, 4)
})

test("shutting down ends those who wait, and no key comes any more", async () => {
  const clock = new FakeClock()
  const metrics = new MetricsRegistry()
  const queue = newWorkQueue({ clock, name: "t", metrics })
  const waiting = queue.get()
  queue.addAfter("a", 10)
  queue.shutDown()
  assert.equal(await waiting, undefined)
  queue.add("b")
  assert.equal(await queue.get(), undefined)
  assert.equal(clock.waiting, 0)
  assert.match(metrics.render(), /workqueue_depth/)
})
