import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { test } from "node:test"
import { parseScenario, renderResult, simulate } from "@ladya/simulator"

const examples = join(import.meta.dirname, "../../examples/simulations")
const busyDay = parseScenario(await readFile(join(examples, "busy-day.yaml"), "utf8"))
// `ladya simulate examples/simulations/busy-day.yaml --seeds 1000` runs many more.
const seeds = Number(process.env["LADYA_SEEDS"] ?? 20)

test("the same seed gives the same result, another seed another one", async () => {
  const [first, second, other] = [
    await simulate(busyDay, { seed: 42 }),
    await simulate(busyDay, { seed: 42 }),
    await simulate(busyDay, { seed: 43 }),
  ]
  assert.equal(renderResult(first), renderResult(second))
  assert.deepEqual(first, second)
  assert.notEqual(first.fingerprint, other.fingerprint)
})

test(`every invariant holds through a busy day, for ${seeds} seeds`, async () => {
  const checks = new Map<string, number>()
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await simulate(busyDay, { seed })
    for (const { name, checks: count, violations } of result.invariants) {
      checks.set(name, (checks.get(name) ?? 0) + count)
      assert.deepEqual(violations, [], `seed ${seed}: ${name}\n${renderResult(result)}`)
    }
  }
  for (const [name, count] of checks) assert.ok(count > 0, `never tried: ${name}`)
})
