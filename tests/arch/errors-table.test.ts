import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { test } from "node:test"
import { statusReasons } from "@ladya/apimachinery"

test("docs/reference/errors.md lists every reason with its HTTP status, so that the table can be trusted", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/reference/errors.md"), "utf8")
  const rows = [...text.matchAll(/^\| (\w+) \| (\d{3}) \|/gm)].map((match) => [match[1], Number(match[2])])
  assert.deepEqual(rows, Object.entries(statusReasons))
})
