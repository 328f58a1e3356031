import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeClock } from "@ladya/util"
import { CrashBackoff } from "./crash-backoff.ts"

test("a container that keeps ending waits 10 s, then twice as long each time, up to 300 s", async () => {
  const clock = new FakeClock()
  const backoff = new CrashBackoff(clock)
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    const ended = clock.now()
    const wait = backoff.remaining("a", ended)
    waits.push(wait)
    await clock.advance(wait)
    backoff.launched("a", ended)
    await clock.advance(100)
  }
  assert.deepEqual(waits, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
  await clock.advance(11 * 60_000)
  assert.equal(backoff.remaining("a", clock.now()), 0, "it ran for more than ten minutes")
})
