import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText, type JsonSchemaProps, type ValidationRule } from "@ladya/apimachinery"
import { checkRules } from "./check-rules.ts"
import { newRuleTree } from "./rule-tree.ts"
import { validateRules } from "./validate-rules.ts"

const object = (properties: Record<string, JsonSchemaProps>, rules: ValidationRule[] = []): JsonSchemaProps => ({
  type: "object",
  properties,
  "x-kubernetes-validations": rules,
})

function broken(schema: JsonSchemaProps, value: unknown, previous?: unknown): string[] {
  const tree = newRuleTree(schema, true)
  return tree ? validateRules(tree, value, previous).map(fieldErrorText) : []
}

const replicas = object({
  spec: object({ min: { type: "integer" }, max: { type: "integer" }, "my-name": { type: "string" } }, [
    { rule: "self.min <= self.max", message: "min must not be above max" },
    {
      rule: "!has(self.my__dash__name) || self.my__dash__name != 'bad'",
      fieldPath: ".my-name",
      reason: "FieldValueForbidden",
    },
  ]),
})

test("a broken rule is told with its message, or with itself", () => {
  assert.deepEqual(broken(replicas, { spec: { min: 1, max: 2 } }), [])
  assert.deepEqual(broken(replicas, { spec: { min: 3, max: 2, "my-name": "bad" } }), [
    'spec: Invalid value: "object": min must not be above max',
    "spec.my-name: Forbidden: failed rule: !has(self.my__dash__name) || self.my__dash__name != 'bad'",
  ])
  assert.deepEqual(broken(replicas, { spec: { min: 3 } }), [
    'spec: Invalid value: "object": no such key: max evaluating rule: min must not be above max',
  ])
})

test("a message may be worked out", () => {
  const schema = object({
    n: {
      type: "integer",
      "x-kubernetes-validations": [{ rule: "self < 3", messageExpression: "'not ' + string(self)" }],
    },
  })
  assert.deepEqual(broken(schema, { n: 5 }), ['n: Invalid value: "integer": not 5'])
})

test("rules that compare with what was before hold for updates", () => {
  const rules = [{ rule: "self == oldSelf", message: "immutable" }]
  const schema = object({
    name: { type: "string", "x-kubernetes-validations": rules },
    list: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"],
      items: object({ k: { type: "string" }, v: { type: "string" } }, [
        { rule: "self.v == oldSelf.v", message: "kept" },
      ]),
    },
    once: {
      type: "string",
      "x-kubernetes-validations": [{ rule: "!oldSelf.hasValue()", optionalOldSelf: true, message: "once" }],
    },
  })
  assert.deepEqual(broken(schema, { name: "a", list: [{ k: "x", v: "1" }], once: "o" }), [])
  const next = {
    name: "b",
    list: [
      { k: "y", v: "0" },
      { k: "x", v: "2" },
    ],
    once: "p",
  }
  assert.deepEqual(broken(schema, next, { name: "a", list: [{ k: "x", v: "1" }], once: "o" }), [
    'name: Invalid value: "string": immutable',
    'list[1]: Invalid value: "object": kept',
    'once: Invalid value: "string": once',
  ])
})

test("what did not change is let through", () => {
  const before = { spec: { min: 3, max: 2 } }
  assert.deepEqual(broken(replicas, { ...before, other: 1 }, before), [])
  assert.equal(broken(replicas, { spec: { min: 4, max: 2 } }, before).length, 1)
})

test("evaluation stops when it costs too much", () => {
  const schema = object({
    l: {
      type: "array",
      items: { type: "integer" },
      "x-kubernetes-validations": [{ rule: "self.all(a, self.all(b, a + b >= 0))" }],
    },
  })
  const [error] = broken(schema, { l: Array(3000).fill(1) })
  assert.match(error ?? "", /no further validation rules will be run due to call cost exceeds limit for rule/)
})

const definitions: { name: string; schema: JsonSchemaProps; texts: (string | RegExp)[] }[] = [
  { name: "takes what is right", schema: replicas, texts: [] },
  {
    name: "names what does not compile",
    schema: object({ a: object({ b: { type: "string" } }, [{ rule: "self.c == 'x'" }, { rule: "self.b" }]) }),
    texts: [
      /^s\.properties\[a\]\.x-kubernetes-validations\[0\]\.rule: Invalid value: "self\.c == 'x'": compilation failed: ERROR: <input>:1:5: undefined field 'c'/,
      /rule: Invalid value: "self\.b": cel expression must evaluate to a bool$/,
    ],
  },
  {
    name: "refuses comparing with a past that lists do not have",
    schema: object({
      l: {
        type: "array",
        maxItems: 2,
        items: { type: "string", maxLength: 9, "x-kubernetes-validations": [{ rule: "self == oldSelf" }] },
      },
    }),
    texts: [/oldSelf cannot be used on the uncorrelatable portion of the schema within s\.properties\[l\]\.items$/],
  },
  {
    name: "refuses what may cost too much",
    schema: object({
      l: {
        type: "array",
        items: { type: "string" },
        "x-kubernetes-validations": [{ rule: "self.all(x, self.all(y, x != y))" }],
      },
    }),
    texts: [
      /Forbidden: estimated rule cost exceeds budget by factor of more than 100x/,
      /contributed to estimated rule/,
      /cost total for entire OpenAPIv3 schema exceeds/,
    ],
  },
  {
    name: "takes the same with bounds",
    schema: object({
      l: {
        type: "array",
        maxItems: 10,
        items: { type: "string", maxLength: 20 },
        "x-kubernetes-validations": [{ rule: "self.all(x, self.exists_one(y, x == y))" }],
      },
    }),
    texts: [],
  },
  {
    name: "wants well-formed rules",
    schema: object({}, [
      { rule: " " },
      { rule: "true", message: "a\nb", reason: "Odd", fieldPath: ".x" },
      { rule: "true", optionalOldSelf: true },
    ]),
    texts: [
      "s.x-kubernetes-validations[0].rule: Required value: rule is not specified",
      /message must not contain line breaks/,
      /reason: Unsupported value: "Odd"/,
      /does not refer to a valid field/,
      /may not be set if oldSelf is not used in rule/,
    ],
  },
]

for (const { name, schema, texts } of definitions) {
  test(`the check of rules ${name}`, () => {
    const found = checkRules(schema, "s").map(fieldErrorText)
    assert.equal(found.length, texts.length, found.join("\n"))
    for (const [index, text] of texts.entries()) {
      if (typeof text === "string") assert.equal(found[index], text)
      else assert.match(found[index] ?? "", text)
    }
  })
}

test("what is unbounded is estimated by the largest request", () => {
  const schema = (items: JsonSchemaProps): JsonSchemaProps =>
    object({ l: { type: "array", items, "x-kubernetes-validations": [{ rule: "self.all(x, true)" }] } })
  const cost = (items: JsonSchemaProps): number | undefined =>
    newRuleTree(schema(items))?.properties.get("l")?.rules[0]?.program?.estimatedCost
  assert.equal(cost({ type: "integer" }), 4_718_591)
})
