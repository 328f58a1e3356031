import assert from "node:assert/strict"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { test } from "node:test"

const root = join(import.meta.dirname, "../..")
const architecture = readFileSync(join(root, "ARCHITECTURE.md"), "utf8")

test("ARCHITECTURE.md maps every package and no other, so that the map can be trusted", () => {
  const mapped = [...architecture.matchAll(/^\| L\d \| `(\w+)` \|/gm)].map((match) => match[1]).sort()
  assert.deepEqual(mapped, readdirSync(join(root, "packages")).sort())
})

test("ARCHITECTURE.md stays short enough to be read", () => {
  assert.ok(architecture.split("\n").length <= 300)
})

test("links between documents lead somewhere", () => {
  const documents = [
    ...readdirSync(root).filter((name) => name.endsWith(".md")),
    ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name)),
  ]
  const broken: string[] = []
  for (const document of documents) {
    const text = readFileSync(join(root, document), "utf8")
    for (const [, target] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      if (!existsSync(join(root, dirname(document), target as string))) broken.push(`${document}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
})
