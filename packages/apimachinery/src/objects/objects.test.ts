import assert from "node:assert/strict"
import { test } from "node:test"
import { newRandom } from "@ladya/util"
import fc from "fast-check"
import type { KubeObject } from "../resource.ts"
import { type ConditionLike, setCondition } from "./conditions.ts"
import { deepCopy, deepFreeze } from "./copy.ts"
import { jsonEqual, semanticEqual } from "./equality.ts"
import { generatedName } from "./generate-name.ts"
import { controllerOf, isControlledBy, newControllerRef } from "./owners.ts"
import { formatMicroTime, formatTime, parseTime } from "./time.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

test("a copy is equal and shares nothing that can be written", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const result = deepCopy(value)
      assert.ok(jsonEqual(result, value) || JSON.stringify(value).includes("__proto__"))
      if (typeof value === "object" && value !== null) assert.notEqual(result, value)
    }),
  )
  const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}')
  assert.deepEqual(deepCopy(hostile), { a: 1 })
})

test("freezing goes to the bottom", () => {
  const value = deepFreeze({ a: [{ b: 1 }] })
  assert.throws(() => {
    ;(value.a[0] as { b: number }).b = 2
  }, TypeError)
})

const equal: [unknown, unknown, boolean][] = [
  [undefined, null, true],
  [undefined, [], true],
  [undefined, {}, false],
  [{ a: [] }, {}, true],
  [{ a: null }, {}, true],
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [[1, 2], [2, 1], false],
  [{ a: {} }, {}, false],
  [0, undefined, false],
  ["", undefined, false],
  [{}, { constructor: 1 }, false],
]

test("semantic equality", () => {
  for (const [a, b, expected] of equal) {
    assert.equal(semanticEqual(a, b), expected, JSON.stringify([a, b]))
    assert.equal(semanticEqual(b, a), expected, JSON.stringify([b, a]))
  }
})

test("times", () => {
  assert.equal(formatTime(1_700_000_000_999), "2023-11-14T22:13:20Z")
  assert.equal(formatMicroTime(1_700_000_000_123.456), "2023-11-14T22:13:20.123456Z")
  assert.equal(parseTime("2023-11-14T22:13:20Z"), 1_700_000_000_000)
  assert.equal(parseTime("2023-11-15T00:13:20.5+02:00"), 1_700_000_000_500)
  for (const text of ["", "2023-11-14", "2023-02-30T00:00:00Z", "2023-01-01T24:00:00Z"]) {
    assert.equal(parseTime(text), undefined, text)
  }
})

test("a condition's transition time moves with its status alone", () => {
  const first = setCondition<ConditionLike>(undefined, { type: "Ready", status: "True", reason: "A" }, 0)
  assert.deepEqual(first, [{ type: "Ready", status: "True", reason: "A", lastTransitionTime: "1970-01-01T00:00:00Z" }])
  assert.equal(setCondition(first, { type: "Ready", status: "True", reason: "A" }, 5000), first)
  const second = setCondition(first, { type: "Ready", status: "True", reason: "B" }, 5000)
  assert.equal(second[0]?.lastTransitionTime, "1970-01-01T00:00:00Z")
  assert.equal(second[0]?.reason, "B")
  const third = setCondition(second, { type: "Ready", status: "False", reason: "B" }, 5000)
  assert.equal(third[0]?.lastTransitionTime, "1970-01-01T00:00:05Z")
})

test("generated names are repeatable from a seed and never too long", () => {
  assert.equal(generatedName("web-", newRandom(1)), generatedName("web-", newRandom(1)))
  assert.match(generatedName("web-", newRandom(2)), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
  assert.equal(generatedName("x".repeat(100), newRandom(3)).length, 63)
})

test("controllers are found by reference", () => {
  const owner: KubeObject = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name: "web", uid: "u1" } }
  const pod = { metadata: { ownerReferences: [newControllerRef(owner)] } }
  assert.equal(controllerOf(pod)?.name, "web")
  assert.ok(isControlledBy(pod, "u1"))
  assert.ok(!isControlledBy(pod, "u2"))
  assert.ok(!isControlledBy({ metadata: {} }, undefined))
})
