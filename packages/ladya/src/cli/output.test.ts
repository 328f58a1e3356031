import assert from "node:assert/strict"
import { test } from "node:test"
import { newProgress, table } from "./output.ts"

function stream(isTTY: boolean) {
  let text = ""
  const fake = {
    isTTY,
    columns: 0,
    write: (chunk: string) => {
      text += chunk
      return true
    },
  } as unknown as NodeJS.WriteStream
  return { fake, text: () => text }
}

test("without a terminal a step is one line when it has ended, well or not", async () => {
  const { fake, text } = stream(false)
  const progress = newProgress(fake)
  assert.equal(await progress.step("one", async () => 1), 1)
  await assert.rejects(
    progress.step("two", async (detail) => {
      detail("half")
      throw new Error("no")
    }),
  )
  assert.match(text(), /^ ✓ one \(\d+\.\d s\)\n ✗ two \(\d+\.\d s\)\n$/)
})

test("on a terminal the running step is shown whole, even when its width is not known", async () => {
  const { fake, text } = stream(true)
  await newProgress(fake).step("one", async (detail) => detail("half way"))
  assert.ok(text().includes("… one: half way"), text())
})

test("columns are as wide as their widest cell", () => {
  assert.equal(
    table(
      ["A", "B"],
      [
        ["long", "x"],
        ["y", ""],
      ],
    ),
    "A      B\nlong   x\ny",
  )
})
