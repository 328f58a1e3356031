import assert from "node:assert/strict"
import { test } from "node:test"
import { newRandom } from "@ladya/util"
import { countIndexes, formatIndexes, hasIndex, parseIndexes, withIndexes } from "./indexes.ts"

test("indexes are read and written as the API does", () => {
  assert.equal(formatIndexes(parseIndexes("1,3-5,7,8")), "1,3-5,7,8")
  assert.equal(formatIndexes(parseIndexes("0-2,3", 10)), "0-3")
  assert.equal(formatIndexes(parseIndexes("0-20,nonsense", 5)), "0-4")
  assert.deepEqual(parseIndexes(undefined), [])
})

test("ranges know what was put into them (random runs)", () => {
  const random = newRandom(7)
  let ranges = parseIndexes("")
  const all = new Set<number>()
  for (let round = 0; round < 50; round++) {
    const added = Array.from({ length: 4 }, () => Math.floor(random() * 150))
    for (const index of added) all.add(index)
    ranges = withIndexes(ranges, added)
    assert.equal(countIndexes(ranges), all.size)
    for (let index = 0; index < 150; index++) assert.equal(hasIndex(ranges, index), all.has(index))
    assert.deepEqual(parseIndexes(formatIndexes(ranges)), ranges)
  }
})
