import assert from "node:assert/strict"
import { test } from "node:test"
import { statusError } from "@ladya/apimachinery"
import { FakeClock, settle, silentLogger } from "@ladya/util"
import { done, newController, type Result, requeueAfter, TerminalError } from "./controller.ts"

const never = new AbortController().signal

function setUp(reconcile: (name: string, turn: number) => Result | Promise<Result>) {
  const clock = new FakeClock()
  const turns: string[] = []
  const controller = newController({
    name: "test",
    workers: 2,
    clock,
    log: silentLogger,
    reconciler: {
      reconcile: async (key) => {
        turns.push(`${key.namespace}/${key.name}`)
        return reconcile(key.name, turns.length)
      },
    },
  })
  return { clock, turns, controller }
}

test("keys are reconciled; requeueAfter brings them back", async () => {
  const { clock, turns, controller } = setUp((_, turn) => (turn === 1 ? requeueAfter(1000) : done))
  controller.enqueue({ namespace: "ns", name: "a" })
  await controller.start()
  await settle()
  assert.deepEqual(turns, ["ns/a"])
  await clock.advance(1000)
  assert.deepEqual(turns, ["ns/a", "ns/a"])
  await clock.advance(100_000)
  assert.equal(turns.length, 2)
  await controller.stop(never)
})

test("a throw is a retry with back-off; a conflict too; a terminal error is the end", async () => {
  const { clock, turns, controller } = setUp((name, turn) => {
    if (name === "broken") throw new TerminalError("never")
    if (turn === 1) throw new Error("later")
    if (turn === 2) throw statusError.conflict({ group: "", resource: "pods" }, name, "it was changed")
    return done
  })
  await controller.start()
  controller.enqueue("ns/a")
  await clock.advance(5)
  await clock.advance(10)
  await clock.advance(100_000)
  assert.equal(turns.length, 3)
  assert.equal(controller.queue.retries("ns/a"), 0)
  controller.enqueue("ns/broken")
  await clock.advance(1_000_000)
  assert.equal(turns.length, 4)
  await controller.stop(never)
})

test("stop waits for what runs, and aborts it at the deadline", async () => {
  const clock = new FakeClock()
  let aborted = false
  const controller = newController({
    name: "test",
    workers: 1,
    clock,
    log: silentLogger,
    reconciler: {
      reconcile: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            aborted = true
            resolve(done)
          })
        }),
    },
  })
  await controller.start()
  controller.enqueue("a")
  await settle()
  const deadline = new AbortController()
  const stopped = controller.stop(deadline.signal)
  await settle()
  assert.equal(aborted, false)
  deadline.abort()
  await stopped
  assert.equal(aborted, true)
})
