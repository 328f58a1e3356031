import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { resolveIntOrPercent } from "./int-or-string.ts"
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityToMilli,
  quantityToNumber,
  subtractQuantities,
} from "./quantity.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const canonicalForms: [string | number, string][] = [
  ["0", "0"],
  ["0Gi", "0"],
  ["0.5", "500m"],
  [0.5, "500m"],
  ["100m", "100m"],
  ["1000m", "1"],
  ["1500m", "1500m"],
  ["1.5", "1500m"],
  ["1000", "1k"],
  ["1024", "1024"],
  ["1024Mi", "1Gi"],
  ["0.5Gi", "512Mi"],
  ["1.5Gi", "1536Mi"],
  ["1023Ki", "1023Ki"],
  ["0.1Ki", "102400m"],
  ["1e3", "1e3"],
  ["2E", "2E"],
  ["1E2", "100"],
  ["12E", "9223372036854775807"],
  ["10e3", "10e3"],
  ["1u", "1u"],
  ["0.0000000001", "1n"],
  ["-1.5", "-1500m"],
  ["+3", "3"],
  [".5", "500m"],
  ["5.", "5"],
  ["100e-3", "100e-3"],
  ["99999999999E", "9223372036854775807"],
  ["1e999999999", "9223372036854775807"],
  ["16777216Ki", "16Gi"],
  ["2Ei", "2Ei"],
]

test("quantities have one canonical text", () => {
  for (const [text, expected] of canonicalForms) assert.equal(canonicalQuantity(text), expected, `${text}`)
})

test("what is no quantity is refused with the API's words", () => {
  for (const text of ["", "a", "1.2.3", "--1", "+", ".", " 1", "1 ", "1,5", "0x10"]) {
    assert.throws(() => parseQuantity(text), /quantities must match the regular expression/, text)
  }
  for (const text of ["1K", "1ki", "1MM", "1e", "1ee3"]) {
    assert.throws(() => parseQuantity(text), /unable to parse quantity's suffix/, text)
  }
})

test("a canonical text stands for the same value and is its own canonical text", () => {
  const suffix = fc.constantFrom("", "m", "u", "n", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-2")
  const text = fc
    .tuple(fc.integer({ min: -100000, max: 100000 }), fc.nat(999), suffix)
    .map(([whole, part, end]) => `${whole}.${part}${end}`)
  fc.assert(
    fc.property(text, text, (a, b) => {
      const once = canonicalQuantity(a)
      assert.equal(canonicalQuantity(once), once)
      assert.equal(compareQuantities(once, a), 0)
      const sum = addQuantities(a, b)
      assert.equal(compareQuantities(subtractQuantities(sum, b), a), 0)
      assert.equal(compareQuantities(formatQuantity(sum), sum), 0)
    }),
  )
})

test("numbers round up", () => {
  assert.equal(quantityToMilli("0.0001"), 1)
  assert.equal(quantityToMilli("250m"), 250)
  assert.equal(quantityToNumber("1Gi"), 1073741824)
  assert.equal(quantityToNumber("1.2"), 2)
  assert.equal(quantityToNumber("-1.2"), -1)
})

test("percentages are of the total", () => {
  assert.equal(resolveIntOrPercent("25%", 3, { round: "up" }), 1)
  assert.equal(resolveIntOrPercent("25%", 3, { round: "down" }), 0)
  assert.equal(resolveIntOrPercent(5, 3, { round: "down" }), 5)
  assert.throws(() => resolveIntOrPercent("x", 3, { round: "up" }), /string is not a percentage/)
})
