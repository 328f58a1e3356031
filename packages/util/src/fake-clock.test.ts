import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeClock } from "./fake-clock.ts"
import { newRandom } from "./random.ts"

test("timers fire in order of time, then of creation; cancelled ones do not", async () => {
  const clock = new FakeClock()
  const random = newRandom(7)
  const fired: [number, number][] = []
  const expected: [number, number][] = []
  for (let index = 0; index < 500; index++) {
    const at = Math.floor(random() * 50)
    const timer = clock.setTimeout(() => fired.push([at, index]), at)
    if (random() < 0.3) timer.cancel()
    else expected.push([at, index])
  }
  assert.equal(clock.waiting, expected.length)
  expected.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  await clock.advance(50)
  assert.deepEqual(fired, expected)
  assert.equal(clock.waiting, 0)
})

test("a timer that sets another one within the time that passes sees it fire", async () => {
  const clock = new FakeClock()
  const times: number[] = []
  const again = (): void => {
    times.push(clock.monotonic())
    if (times.length < 5) clock.setTimeout(again, 10)
  }
  clock.setTimeout(again, 10)
  await clock.advance(45)
  assert.deepEqual(times, [10, 20, 30, 40])
})
