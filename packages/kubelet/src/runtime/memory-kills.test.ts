import assert from "node:assert/strict"
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { FakeClock } from "@ladya/util"
import { newMemoryKills } from "./memory-kills.ts"

const one = "1".repeat(64)
const two = "2".repeat(64)
const victim = (group: string): string =>
  `6,1,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=${two},mems_allowed=0,oom_memcg=/pods/podx,task_memcg=/pods/podx/${group},task=tail,pid=7,uid=0\n`
const kill = "3,2,1,-;Memory cgroup out of memory: Killed process 7 (tail) total-vm:18096kB\n"

test("the kernel's log tells whose processes were killed, at once", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "ladya-kills-"))
  t.after(() => rm(directory, { recursive: true }))
  const logFile = join(directory, "kmsg")
  await writeFile(logFile, `6,0,0,-;eth0: link becomes ready\n${victim(one)}${kill}`)
  const kills = newMemoryKills({ clock: new FakeClock(), logFile })
  t.after(() => kills.close())
  assert.equal(await kills.has(two), false)
  assert.equal(await kills.has(one), true)
  await appendFile(logFile, victim(`cri-containerd-${two}.scope`) + kill)
  assert.equal(await kills.has(two), true)
})

for (const { name, log } of [
  { name: "cannot be read", log: undefined },
  { name: "leaves out whose process it was", log: kill },
]) {
  test(`when the kernel's log ${name}, the runtime's event is waited for, once`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "ladya-kills-"))
    t.after(() => rm(directory, { recursive: true }))
    const logFile = join(directory, "kmsg")
    if (log) await writeFile(logFile, log)
    const clock = new FakeClock()
    const kills = newMemoryKills({ clock, logFile })
    t.after(() => kills.close())
    const verdicts = Promise.all([kills.has(one), kills.has(two)])
    await clock.advance(100)
    kills.note(one)
    await clock.advance(500)
    assert.deepEqual(await verdicts, [true, false])
    assert.equal(await kills.has(two), false)
    kills.note(two)
    assert.equal(await kills.has(two), true)
  })
}
