import assert from "node:assert/strict"
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { newSqliteStore, type Store } from "@ladya/store"
import { silentLogger, systemClock } from "@ladya/util"
import type { Progress } from "../cli/output.ts"
import { heldFor } from "./in-use.ts"
import { parseLocation } from "./location.ts"
import { compactStore, copyStore, hasObjects, restoreStore, snapshotStore } from "./transfer.ts"

const quiet: Progress = { step: (_name, task) => task(() => undefined), note: () => undefined }
const open = (path: string): Store => newSqliteStore({ path, clock: systemClock, log: silentLogger })

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "ladya-stores-"))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

test("how stores are named", () => {
  assert.deepEqual(parseLocation("sqlite", "/data", {}), { engine: "sqlite", path: "/data/store/ladya.db" })
  assert.deepEqual(parseLocation("sqlite:/x.db", "/data", {}), { engine: "sqlite", path: "/x.db" })
  // One side of a copy to etcd over TLS.
  assert.deepEqual(parseLocation("sqlite", "/data", { ca: "/ca" }), { engine: "sqlite", path: "/data/store/ladya.db" })
  const etcd = parseLocation("etcd://a:1,b:2", "/data", {})
  assert.deepEqual(etcd.engine === "etcd" && etcd.deps.endpoints, ["a:1", "b:2"])
  assert.throws(() => parseLocation("memory", "/data", {}), /ends with its server/)
  assert.throws(() => parseLocation("redis", "/data", {}), /is no store/)
})

test("who holds a lease, and for how long it counts", () => {
  const now = Date.parse("2026-01-01T00:00:20Z")
  const lease = (spec: object) => ({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: {}, spec }) as const
  const renewed = { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:10.000000Z" }
  assert.equal(heldFor(lease(renewed), now), 10)
  assert.equal(heldFor(lease(renewed), now + 5000), undefined)
  assert.equal(heldFor(lease({ ...renewed, holderIdentity: "" }), now), undefined)
  assert.equal(heldFor(lease({}), now), undefined)
})

test("copied, saved, restored and compacted; what cannot be done is said with what helps", async (t) => {
  const directory = temporary(t)
  const at = (name: string) => ({ engine: "sqlite", path: join(directory, name) }) as const
  const store = open(at("one.db").path)
  await store.create("/registry/a", Buffer.from("1"))
  await assert.rejects(copyStore(at("one.db"), at("two.db"), quiet), { hint: /--keep-nodes/ })
  await store.close()
  assert.equal(await hasObjects(at("one.db")), true)
  assert.equal(await hasObjects(at("none.db")), false)
  assert.equal(await copyStore(at("one.db"), at("two.db"), quiet), 1)
  await assert.rejects(copyStore(at("one.db"), at("two.db"), quiet), {
    message: /not empty \(1 keys\)/,
    hint: /name another/,
  })
  const file = join(directory, "snapshot")
  const { keys, bytes } = await snapshotStore(at("two.db"), file, quiet)
  assert.deepEqual([keys, bytes], [1, statSync(file).size])
  await assert.rejects(snapshotStore(at("two.db"), file, quiet), /already/)
  assert.equal(await restoreStore(file, at("three.db"), quiet), 1)
  assert.equal((await compactStore(at("three.db"), quiet)).revision, 2)
  await assert.rejects(restoreStore(at("one.db").path, at("four.db"), quiet), { message: /damaged/ })
  assert.ok(!existsSync(at("four.db").path))
})
