import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import { customResourceDefinition } from "./index.ts"

type Definition = apiextensionsv1.CustomResourceDefinition
type Version = apiextensionsv1.CustomResourceDefinitionVersion

const version = (schema: object, more: Partial<Version> = {}): Version => ({
  name: "v1",
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: "object", ...schema } as never },
  ...more,
})

const definition = (
  versions: Version[],
  more: Partial<Definition["spec"]> = {},
  name = "tabs.example.com",
): Definition => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name },
  spec: { group: "example.com", scope: "Namespaced", names: { plural: "tabs", kind: "Tab" }, versions, ...more },
})

function wrong(next: Definition, previous?: Definition): string[] {
  customResourceDefinition.default?.(next)
  return (customResourceDefinition.validate?.(next, previous) ?? []).map(fieldErrorText)
}

const spec = (properties: object): object => ({ properties: { spec: { type: "object", properties } } })
const at = "spec.validation.openAPIV3Schema.properties[spec]"

const schemas: { name: string; schema: object; texts: (string | RegExp)[] }[] = [
  { name: "a plain one", schema: spec({ a: { type: "string", default: "x" } }), texts: [] },
  {
    name: "missing types",
    schema: spec({ a: {}, l: { type: "array", items: {} } }),
    texts: [
      `${at}.properties[a].type: Required value: must not be empty for specified object fields`,
      `${at}.properties[l].items.type: Required value: must not be empty for specified array items`,
    ],
  },
  {
    name: "int-or-string in its usual form",
    schema: spec({ p: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] } }),
    texts: [],
  },
  {
    name: "conditions that describe",
    schema: spec({ a: { type: "string", anyOf: [{ type: "string", pattern: "^a" }] } }),
    texts: [`${at}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
  },
  {
    name: "wrong defaults",
    schema: spec({ a: { type: "string", default: 1 }, o: { type: "object", default: { x: 1 }, properties: {} } }),
    texts: [/properties\[a\]\.default: Invalid value: .*must be of type string/, /must not have unknown fields/],
  },
  {
    name: "keywords that are not supported",
    schema: spec({
      a: { type: "array", uniqueItems: true, items: { type: "string" } },
      b: { $ref: "#/x", type: "object" },
    }),
    texts: [/uniqueItems cannot be set to true/, /\$ref is not supported/],
  },
  {
    name: "a pattern that is none",
    schema: spec({ a: { type: "string", pattern: "(" } }),
    texts: [/must be a valid regular expression, but isn't/],
  },
  {
    name: "lists that are maps without their keys",
    schema: spec({ l: { type: "array", "x-kubernetes-list-type": "map", items: { type: "object", properties: {} } } }),
    texts: [/x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map/],
  },
  {
    name: "more of the metadata than its name",
    schema: { properties: { metadata: { type: "object", properties: { labels: { type: "object" } } } } },
    texts: [/must not specify anything other than name and generateName, but metadata is implicitly specified/],
  },
  {
    name: "a rule that does not compile",
    schema: { ...spec({}), "x-kubernetes-validations": [{ rule: "self.nope" }] },
    texts: [/^spec\.validation\.openAPIV3Schema\.x-kubernetes-validations\[0\]\.rule: .*undefined field 'nope'/],
  },
]

for (const { name, schema, texts } of schemas) {
  test(`a definition with ${name}`, () => {
    const found = wrong(definition([version(schema)]))
    assert.equal(found.length, texts.length, found.join("\n"))
    for (const [index, text] of texts.entries()) {
      if (typeof text === "string") assert.equal(found[index], text)
      else assert.match(found[index] ?? "", text)
    }
  })
}

test("what is wrong in one of several versions is told there", () => {
  const found = wrong(definition([version({}), version(spec({ a: {} }), { name: "v2", storage: false })]))
  assert.deepEqual(found, [
    "spec.versions[1].schema.openAPIV3Schema.properties[spec].properties[a].type: Required value: must not be empty for specified object fields",
  ])
})

test("columns, scales and selectable fields lead somewhere", () => {
  const found = wrong(
    definition([
      version(spec({ n: { type: "integer" }, o: { type: "object" } }), {
        additionalPrinterColumns: [{ name: "N", type: "text", jsonPath: "spec.n[" }],
        subresources: { scale: { specReplicasPath: ".status.n", statusReplicasPath: ".status.n" } },
        selectableFields: [
          { jsonPath: ".spec.n" },
          { jsonPath: ".spec.o" },
          { jsonPath: ".spec.n" },
          { jsonPath: ".spec.x" },
        ],
      }),
    ]),
  )
  for (const pattern of [
    /^spec\.additionalPrinterColumns\[0\]\.type: .*must be one of/,
    /^spec\.additionalPrinterColumns\[0\]\.JSONPath: .*invalid JSON path/,
    /^spec\.subresources\.scale\.specReplicasPath: .*should be a json path under \.spec/,
    /^spec\.selectableFields\[1\]\.jsonPath: .*must point to a field of type string/,
    /^spec\.selectableFields\[2\]\.jsonPath: Duplicate value/,
    /^spec\.selectableFields\[3\]\.jsonPath: .*does not refer to a valid field/,
  ]) {
    assert.ok(
      found.some((text) => pattern.test(text)),
      `${pattern}\n${found.join("\n")}`,
    )
  }
})

test("conversion by webhook needs one", () => {
  const none = wrong(definition([version({})], { conversion: { strategy: "Webhook" } }))
  assert.deepEqual(none, [
    "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook",
    "spec.conversion.conversionReviewVersions: Required value",
  ])
  const webhook = { clientConfig: { url: "http://x" }, conversionReviewVersions: ["v1"] }
  assert.match(
    wrong(definition([version({})], { conversion: { strategy: "Webhook", webhook } }))[0] ?? "",
    /'https' is the only allowed URL scheme/,
  )
})

test("groups of the community want an approval", () => {
  const next = definition([version({})], { group: "x.k8s.io" }, "tabs.x.k8s.io")
  assert.match(
    wrong(next)[0] ?? "",
    /^metadata\.annotations\[api-approved\.kubernetes\.io\]: Required value: protected groups/,
  )
  next.metadata.annotations = { "api-approved.kubernetes.io": "unapproved, experimental" }
  assert.deepEqual(wrong(next), [])
})

test("versions that objects are kept in stay, and what cannot change does not", () => {
  const previous = definition([version({})])
  previous.status = { storedVersions: ["v1"], conditions: [{ type: "Established", status: "True" }] }
  const next = definition([version({}, { name: "v2" })], { scope: "Cluster" })
  const found = wrong(next, previous)
  assert.ok(
    found.some((text) => text.startsWith('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions')),
  )
  assert.ok(found.some((text) => text.startsWith("spec.scope: ") && text.endsWith("field is immutable")))
})
