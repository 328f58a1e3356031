import assert from "node:assert/strict"
import { test } from "node:test"
import { newRandom } from "@ladya/util"
import { DomainCounts, TrialCounts } from "./domain-counts.ts"

const least = (values: Iterable<number>): number => {
  const all = [...values]
  return all.length === 0 ? 0 : Math.min(...all)
}

test("counts, totals and the least are what a plain map says, through thousands of changes (seed 5)", () => {
  const random = newRandom(5)
  const counts = new DomainCounts()
  const model = new Map<string, { count: number; nodes: number }>()
  for (let step = 0; step < 5000; step++) {
    const value = `v${Math.floor(random() * 6)}`
    const domain = model.get(value)
    const luck = random()
    if (!domain || luck < 0.1) {
      counts.addNode(value)
      if (domain) domain.nodes++
      else model.set(value, { count: 0, nodes: 1 })
    } else if (luck < 0.2) {
      // A node takes what is on it with it.
      const amount = domain.nodes === 1 ? -domain.count : 0
      counts.add(value, amount)
      counts.removeNode(value)
      domain.count += amount
      domain.nodes--
      if (domain.nodes === 0) model.delete(value)
    } else {
      const amount = luck < 0.5 ? -Math.min(domain.count, 2) : 1 + Math.floor(random() * 3)
      counts.add(value, amount)
      domain.count += amount
    }
    const all = [...model.values()].map(({ count }) => count)
    assert.equal(counts.min, least(all))
    assert.equal(
      counts.total,
      all.reduce((sum, count) => sum + count, 0),
    )
    assert.equal(counts.size, model.size)
    assert.deepEqual(new Map(counts.entries()), new Map([...model].map(([name, { count }]) => [name, count])))
  }
})

test("what is tried out changes neither the counts nor earlier trials", () => {
  const counts = new DomainCounts()
  for (const value of ["a", "b"]) {
    counts.addNode(value)
    counts.add(value, 2)
  }
  const first = new TrialCounts(counts)
  first.add("a", -1)
  const second = first.clone()
  second.add("a", -1)
  second.add("c", 1)
  assert.deepEqual([counts.get("a"), counts.min, counts.total, counts.size], [2, 2, 4, 2])
  assert.deepEqual([first.get("a"), first.min, first.total, first.size], [1, 1, 3, 2])
  assert.deepEqual([second.get("a"), second.min, second.total, second.size], [0, 0, 3, 3])
})
