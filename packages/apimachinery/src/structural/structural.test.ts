import assert from "node:assert/strict"
import { test } from "node:test"
import { DecodeContext, pathText } from "../decoding/context.ts"
import { fieldErrorText } from "../field-error.ts"
import { type JsonSchemaProps, structuralDecoder, validateStructural } from "./index.ts"

const object = (properties: Record<string, JsonSchemaProps>, more: JsonSchemaProps = {}): JsonSchemaProps => ({
  type: "object",
  properties,
  ...more,
})

const wrong: { name: string; schema: JsonSchemaProps; value: unknown; texts: string[] }[] = [
  {
    name: "a wrong type",
    schema: object({ n: { type: "integer" } }),
    value: { n: "a" },
    texts: ['n: Invalid value: "string": n in body must be of type integer: "string"'],
  },
  {
    name: "null where it may not stand",
    schema: object({ n: { type: "integer" }, m: { type: "integer", nullable: true } }),
    value: { n: null, m: null },
    texts: ['n: Invalid value: "null": n in body must be of type integer: "null"'],
  },
  {
    name: "what is required, in a list",
    schema: object({ l: { type: "array", items: object({}, { required: ["x"] }) } }),
    value: { l: [{ x: 1 }, {}] },
    texts: ["l[1].x: Required value"],
  },
  {
    name: "bounds",
    schema: object({ n: { type: "integer", minimum: 1 }, m: { type: "number", maximum: 2, exclusiveMaximum: true } }),
    value: { n: 0, m: 2 },
    texts: [
      "n: Invalid value: 0: n in body should be greater than or equal to 1",
      "m: Invalid value: 2: m in body should be less than 2",
    ],
  },
  {
    name: "texts",
    schema: object({ e: { type: "string", enum: ["a", "b"] }, p: { type: "string", pattern: "^x" } }),
    value: { e: "c", p: "y" },
    texts: [
      'e: Unsupported value: "c": supported values: "a", "b"',
      "p: Invalid value: \"y\": p in body should match '^x'",
    ],
  },
  {
    name: "int or string",
    schema: object({ a: { "x-kubernetes-int-or-string": true }, b: { "x-kubernetes-int-or-string": true } }),
    value: { a: "1", b: true },
    texts: ['b: Invalid value: "boolean": b in body must be of type integer,string: "boolean"'],
  },
  {
    name: "sets and maps",
    schema: object({
      s: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
      m: { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], items: object({}) },
    }),
    value: { s: ["a", "a"], m: [{ k: 1 }, { k: 1, v: 2 }] },
    texts: ['s[1]: Duplicate value: "a"', 'm[1]: Duplicate value: {"k":1}'],
  },
  {
    name: "formats",
    schema: object({ d: { type: "string", format: "date" }, i: { type: "string", format: "ipv4" } }),
    value: { d: "2026-02-30", i: "10.0.0.1" },
    texts: ['d: Invalid value: "2026-02-30": d in body must be of type date: "2026-02-30"'],
  },
  {
    name: "one of",
    schema: object({ s: object({}, { oneOf: [{ required: ["a"] }, { required: ["b"] }] }) }),
    value: { s: { a: 1, b: 2 } },
    texts: ['s: Invalid value: "": "s" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  },
]

for (const { name, schema, value, texts } of wrong) {
  test(`a schema refuses ${name}`, () => {
    assert.deepEqual(validateStructural(schema, value).map(fieldErrorText), texts)
  })
}

test("unknown fields are dropped and told, defaults filled in", () => {
  const schema = object({
    spec: object({
      kept: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      size: { type: "integer", default: 3 },
      nested: { type: "object", default: {}, properties: { deep: { type: "string", default: "d" } } },
      map: { type: "object", additionalProperties: object({ a: { type: "string" } }) },
    }),
  })
  const context = new DecodeContext(true)
  const decoded = structuralDecoder(schema, (value) => value)(
    {
      apiVersion: "a/v1",
      kind: "A",
      metadata: { name: "n" },
      extra: 1,
      spec: { kept: { any: 1 }, size: null, other: 2, map: { k: { a: "x", b: "y" } } },
    },
    context,
    undefined,
  )
  assert.deepEqual(decoded, {
    apiVersion: "a/v1",
    kind: "A",
    metadata: { name: "n" },
    spec: { kept: { any: 1 }, size: 3, nested: { deep: "d" }, map: { k: { a: "x" } } },
  })
  assert.deepEqual(context.unknown?.sort(), ["extra", "spec.map.k.b", "spec.other"])
  assert.equal(pathText(context.path), "")
})
