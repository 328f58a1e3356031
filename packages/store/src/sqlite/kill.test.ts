import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import { silentLogger, systemClock } from "@ladya/util"
import { newSqliteStore } from "./sqlite-store.ts"

const directory = mkdtempSync(join(tmpdir(), "ladya-store-kill-"))
after(() => rmSync(directory, { recursive: true, force: true }))

interface Acknowledged {
  key: string
  revision: number
  value: string
}

/** Runs the writers until `count` writes were acknowledged, then kills them with -9. */
async function killedAfter(path: string, round: number, count: number): Promise<Acknowledged[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../testing/writer.ts"), path, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let text = ""
  let lines = 0
  for await (const chunk of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
    text += chunk
    lines += chunk.split("\n").length - 1
    if (lines >= count) child.kill("SIGKILL")
  }
  assert.equal(child.exitCode, null, "the writers ended by themselves")
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const [key, revision, value] = line.split(" ") as [string, string, string]
      return { key, revision: Number(revision), value }
    })
}

test("kill -9 while 64 writers write: every acknowledged write is there, again and again", async () => {
  const path = join(directory, "store.db")
  const newest = new Map<string, Acknowledged>()
  let acknowledged = 0
  for (let round = 0; round < 5; round++) {
    for (const write of await killedAfter(path, round, 500 + round * 700)) {
      acknowledged++
      if (write.revision > (newest.get(write.key)?.revision ?? 0)) newest.set(write.key, write)
    }
    const store = newSqliteStore({ path, clock: systemClock, log: silentLogger })
    for (const { key, revision, value } of newest.values()) {
      const { kv } = await store.get(key, { revision })
      assert.equal(kv?.modRevision, revision, `${key}: the acknowledged version is gone`)
      assert.equal(String(kv?.value), value)
    }
    // No holes: the log has a version for every revision.
    const revisions: number[] = []
    const watch = store.watch({ prefix: "", afterRevision: 1 }, (batch) => {
      for (const event of batch.events) revisions.push(event.kv.modRevision)
    })
    await Promise.resolve()
    assert.deepEqual(
      revisions,
      Array.from({ length: (await store.currentRevision()) - 1 }, (_, i) => i + 2),
    )
    watch.cancel()
    await store.close()
  }
  assert.ok(acknowledged >= 500, `only ${acknowledged} writes were acknowledged`)
})
