import assert from "node:assert/strict"
import { test } from "node:test"
import { expand, lookupIn } from "./expansion.ts"

const variables = { VAR_A: "A", VAR_B: "B", VAR_C: "C", VAR_REF: "$(VAR_A)", VAR_EMPTY: "" }

const cases: { name: string; input: string; expected: string }[] = [
  { name: "whole", input: "$(VAR_A)", expected: "A" },
  { name: "twice", input: "$(VAR_A)-$(VAR_B)", expected: "A-B" },
  { name: "in text", input: "foo$(VAR_C)bar", expected: "fooCbar" },
  { name: "escaped", input: "$$(VAR_A)", expected: "$(VAR_A)" },
  { name: "escaped twice", input: "$$$$(VAR_A)", expected: "$$(VAR_A)" },
  { name: "escape before a reference", input: "$$$(VAR_A)", expected: "$A" },
  { name: "not known", input: "$(NOPE)-$(VAR_A)", expected: "$(NOPE)-A" },
  { name: "values are not expanded again", input: "$(VAR_REF)", expected: "$(VAR_A)" },
  { name: "empty value", input: "[$(VAR_EMPTY)]", expected: "[]" },
  { name: "no closing bracket", input: "$(VAR_A", expected: "$(VAR_A" },
  { name: "dollar at the end", input: "$(VAR_A)$", expected: "A$" },
  { name: "dollar before a letter", input: "$HOME/$(VAR_A)", expected: "$HOME/A" },
  { name: "dollar before another reference", input: "$VAR$(VAR_A)", expected: "$VARA" },
  { name: "names of Object are not variables", input: "$(toString)", expected: "$(toString)" },
  { name: "empty name", input: "$()", expected: "$()" },
]

for (const { name, input, expected } of cases) {
  test(`expand: ${name}`, () => assert.equal(expand(input, lookupIn(variables)), expected))
}
