import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { FakeClock, silentLogger } from "@ladya/util"
import { newClient } from "../new-client.ts"
import { MemoryTransport } from "../testing/memory-transport.ts"
import type { ApiCall } from "../transport.ts"
import { type LeaderElection, newLeaderElection } from "./election.ts"

function setUp() {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const leading: string[] = []
  const candidate = (identity: string): LeaderElection =>
    newLeaderElection({
      client,
      namespace: "kube-system",
      leaseName: "test",
      identity,
      clock,
      log: silentLogger,
      random: () => 0,
      lead: async (signal) => {
        leading.push(identity)
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
        leading.splice(leading.indexOf(identity), 1)
      },
    })
  return { clock, transport, client, leading, candidate }
}

const never = new AbortController().signal

test("one leads; when it stops it lets go and the other follows", async () => {
  const { clock, client, leading, candidate } = setUp()
  const a = candidate("a")
  const b = candidate("b")
  await a.start()
  await clock.advance(100)
  await b.start()
  await clock.advance(60_000)
  assert.deepEqual(leading, ["a"])
  await a.stop(never)
  await clock.advance(4_000)
  assert.deepEqual(leading, ["b"])
  const lease = await client.resource(refs.leases).get("test", { namespace: "kube-system" })
  assert.equal(lease.spec?.holderIdentity, "b")
  assert.equal(lease.spec?.leaseDurationSeconds, 15)
  await b.stop(never)
  assert.deepEqual(leading, [])
})

test("a leader that cannot renew gives up before another may take over", async () => {
  const { clock, transport, leading, candidate } = setUp()
  const a = candidate("a")
  const b = candidate("b")
  await a.start()
  await clock.advance(100)
  await b.start()
  await clock.advance(10_000)
  transport.intercept = (call) => {
    if (call.verb === "update" && !JSON.stringify(call.object).includes(`"holderIdentity":"b"`)) {
      throw new Error("connection refused")
    }
  }
  await clock.advance(12_000)
  assert.deepEqual(leading, [])
  await clock.advance(10_000)
  assert.deepEqual(leading, ["b"])
  await a.stop(never)
  await b.stop(never)
})

test("a leader whose API does not answer at all gives up in time, and takes part again", async () => {
  const { clock, transport, leading, candidate } = setUp()
  const a = candidate("a")
  const b = candidate("b")
  await a.start()
  await clock.advance(100)
  await b.start()
  await clock.advance(10_000)
  const { call: answered } = transport
  const silent = (call: ApiCall): boolean => call.verb === "update" && !JSON.stringify(call.object).includes('"b"')
  transport.call = (call, signal) =>
    silent(call) ? new Promise<never>(() => undefined) : answered.call(transport, call, signal)
  await clock.advance(12_000)
  assert.deepEqual(leading, [])
  await clock.advance(10_000)
  assert.deepEqual(leading, ["b"])
  transport.call = answered
  await b.stop(never)
  await clock.advance(10_000)
  assert.deepEqual(leading, ["a"])
  await a.stop(never)
})
