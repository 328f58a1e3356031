import assert from "node:assert/strict"
import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { type Payload, writeAtomically } from "./atomic-writer.ts"

async function directory(context: TestContext): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "ladya-atomic-")))
  context.after(() => rm(path, { recursive: true, force: true }))
  return path
}

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]))

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)

test("files are links through ..data into a dated directory", async (context) => {
  const at = await directory(context)
  assert.equal(await writeAtomically(at, payload({ a: "1", "b/c": "2" }), { nowMs }), true)
  assert.equal(await readlink(join(at, "a")), "..data/a")
  assert.equal(await readlink(join(at, "b")), "..data/b")
  assert.match(await readlink(join(at, "..data")), /^\.\.2026_01_02_03_04_05\.\w{6}$/)
  assert.equal(await readFile(join(at, "b/c"), "utf8"), "2")
})

test("the same content again writes nothing", async (context) => {
  const at = await directory(context)
  await writeAtomically(at, payload({ a: "1" }), { nowMs })
  const before = await readlink(join(at, "..data"))
  assert.equal(await writeAtomically(at, payload({ a: "1" }), { nowMs: nowMs + 1000 }), false)
  assert.equal(await readlink(join(at, "..data")), before)
})

test("changed, added and removed files come with one swap, and nothing old stays", async (context) => {
  const at = await directory(context)
  await writeAtomically(at, payload({ a: "1", "old/x": "y", gone: "z" }), { nowMs })
  assert.equal(await writeAtomically(at, payload({ a: "2", new: "3" }), { nowMs }), true)
  const names = (await readdir(at)).filter((name) => !name.startsWith("..2026"))
  assert.deepEqual(names.sort(), ["..data", "a", "new"])
  assert.equal((await readdir(at)).length, 4)
  assert.equal(await readFile(join(at, "a"), "utf8"), "2")
})

test("a changed mode is a change", async (context) => {
  const at = await directory(context)
  await writeAtomically(at, payload({ a: "1" }, 0o644), { nowMs })
  assert.equal(await writeAtomically(at, payload({ a: "1" }, 0o400), { nowMs }), true)
  assert.equal((await stat(join(at, "a"))).mode & 0o777, 0o400)
})

test("an emptied payload empties the directory", async (context) => {
  const at = await directory(context)
  await writeAtomically(at, payload({ a: "1" }), { nowMs })
  await writeAtomically(at, payload({}), { nowMs })
  assert.deepEqual(
    (await readdir(at)).filter((name) => !name.startsWith("..")),
    [],
  )
})

test("what a crash left is tidied up by the next write", async (context) => {
  const at = await directory(context)
  await writeAtomically(at, payload({ a: "1" }), { nowMs })
  await mkdir(join(at, "..2026_01_01_00_00_00.abcdef"))
  await writeFile(join(at, "..data_tmp"), "half")
  await writeAtomically(at, payload({ a: "2" }), { nowMs })
  assert.deepEqual((await readdir(at)).filter((name) => name !== "..data" && name !== "a").length, 1)
})

for (const path of ["/abs", "../up", "a/../../b", "..hidden", ""]) {
  test(`the path ${JSON.stringify(path)} is refused`, async (context) => {
    const at = await directory(context)
    await assert.rejects(writeAtomically(at, payload({ [path]: "x" }), { nowMs }), /^Error: invalid path/)
  })
}
