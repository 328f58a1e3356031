import assert from "node:assert/strict"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { gunzipSync } from "node:zlib"
import { FakeClock, silentLogger } from "@ladya/util"
import { observedContainer } from "../testing/pods.ts"
import { newLogRotation } from "./log-rotation.ts"

test("a log that grew too large is put aside, older parts are compressed, the oldest go", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "ladya-rotation-"))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const logPath = join(directory, "0.log")
  const clock = new FakeClock(Date.parse("2026-01-02T03:04:05Z"))
  let refuse = false
  const rotation = newLogRotation({
    runtime: {
      async reopenContainerLog() {
        if (refuse) throw new Error("no")
        await writeFile(logPath, "")
      },
    },
    running: () => [observedContainer("a running", { logPath })],
    ...{ clock, log: silentLogger, maxBytes: 10, maxFiles: 4 },
  })
  const grow = async (text: string): Promise<string[]> => {
    await writeFile(logPath, text)
    await rotation.rotateAll()
    await clock.advance(1000)
    return (await readdir(directory)).sort()
  }
  assert.deepEqual(await grow("small"), ["0.log"])
  assert.deepEqual(await grow("first part of it"), ["0.log", "0.log.20260102-030406"])
  assert.equal(await readFile(join(directory, "0.log.20260102-030406"), "utf8"), "first part of it")
  assert.deepEqual(await grow("second part of it"), ["0.log", "0.log.20260102-030406.gz", "0.log.20260102-030407"])
  assert.equal(gunzipSync(await readFile(join(directory, "0.log.20260102-030406.gz"))).toString(), "first part of it")
  await grow("third part of it")
  assert.deepEqual(await grow("fourth part of it"), [
    "0.log",
    "0.log.20260102-030407.gz",
    "0.log.20260102-030408.gz",
    "0.log.20260102-030409",
  ])
  refuse = true
  await grow("fifth part of it")
  assert.equal(await readFile(logPath, "utf8"), "fifth part of it")
})
