import assert from "node:assert/strict"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { type Definition, define, definitionOf, versionOf } from "./support.ts"

const prefix = "[sig-api-machinery] FieldValidation should"

const spec = (properties: object, more: object = {}): object => ({
  type: "object",
  properties: { spec: { type: "object", properties, ...more } },
})
const ports = {
  type: "array",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
  items: {
    type: "object",
    required: ["containerPort", "protocol"],
    properties: { containerPort: { type: "integer" }, hostPort: { type: "integer" }, protocol: { type: "string" } },
  },
}

interface Place {
  definition: Definition
  path: string
  apiVersion: string
}

async function place(t: ConformanceContext, schema?: object): Promise<Place> {
  const namespace = await t.namespace()
  const definition = await define(t, definitionOf(t, [versionOf("v1", schema)]))
  const { group, names } = definition.spec
  return { definition, path: `/apis/${group}/v1/namespaces/${namespace}/${names.plural}`, apiVersion: `${group}/v1` }
}

const apply = (t: ConformanceContext, { path }: Place, name: string, body: string, strictness = "Strict") =>
  t.http("PATCH", `${path}/${name}?fieldManager=test&fieldValidation=${strictness}`, {
    body,
    headers: { "content-type": "application/apply-patch+yaml" },
  })

const yaml = ({ definition, apiVersion }: Place, fields: string, metadata = ""): string =>
  `apiVersion: ${apiVersion}\nkind: ${definition.spec.names.kind}\nmetadata:\n  name: mytest\n${metadata}spec:\n${fields}`

conformance(
  `${prefix} create/apply a CR with unknown fields for CRD with no validation schema [Conformance]`,
  async (t) => {
    const here = await place(t)
    const applied = await apply(t, here, "mytest", yaml(here, "  foo: foo1\n  cronSpec: '* * * * */5'\n"))
    assert.equal(applied.status, 201, applied.text)
    assert.deepEqual(applied.json.spec, { foo: "foo1", cronSpec: "* * * * */5" })
  },
)

conformance(`${prefix} create/apply a valid CR for CRD with validation schema [Conformance]`, async (t) => {
  const here = await place(t, spec({ cronSpec: { type: "string" }, ports }))
  const fields = "  cronSpec: '* * * * */5'\n  ports:\n  - containerPort: 8080\n    hostPort: 8081\n    protocol: TCP\n"
  const applied = await apply(t, here, "mytest", yaml(here, fields))
  assert.equal(applied.status, 201, applied.text)
})

conformance(
  `${prefix} create/apply an invalid CR with extra properties for CRD with validation schema [Conformance]`,
  async (t) => {
    const here = await place(t, spec({ cronSpec: { type: "string" }, ports }))
    const fields = "  foo: 1\n  cronSpec: '* * * * */5'\n"
    const applied = await apply(t, here, "mytest", yaml(here, fields))
    assert.ok(applied.status === 400 || applied.status === 500, applied.text)
    assert.match(applied.json.message, /spec\.foo/)
    const { kind } = here.definition.spec.names
    const body = { apiVersion: here.apiVersion, kind, metadata: { name: "mytest" }, spec: { foo: 1 } }
    const created = await t.http("POST", `${here.path}?fieldValidation=Strict`, { body })
    assert.equal(created.status, 400, created.text)
    assert.match(created.json.message, /strict decoding error: unknown field "spec\.foo"/)
  },
)

conformance(`${prefix} detect duplicates in a CR when preserving unknown fields [Conformance]`, async (t) => {
  const known = { ...spec({ cronSpec: { type: "string" } }, { "x-kubernetes-preserve-unknown-fields": true }) }
  const here = await place(t, known)
  const fields = "  unknown: uk1\n  cronSpec: '* * * * */5'\n  unknownDupe: a\n  unknownDupe: b\n  cronSpec: '1'\n"
  const applied = await apply(t, here, "mytest", yaml(here, fields))
  assert.equal(applied.status, 400, applied.text)
  assert.match(applied.json.message, /line 9: key "unknownDupe" already set in map/)
  assert.match(applied.json.message, /line 10: key "cronSpec" already set in map/)
  const { kind } = here.definition.spec.names
  const text = `{"apiVersion":"${here.apiVersion}","kind":"${kind}","metadata":{"name":"mytest"},"spec":{"x":1,"x":2}}`
  const created = await t.http("POST", `${here.path}?fieldValidation=Strict`, { body: text })
  assert.equal(created.status, 400, created.text)
  assert.match(created.json.message, /duplicate field "spec\.x"/)
})

conformance(
  `${prefix} detect unknown metadata fields in both the root and embedded object of a CR [Conformance]`,
  async (t) => {
    const template = {
      type: "object",
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    }
    const here = await place(t, spec({ template }, { "x-kubernetes-preserve-unknown-fields": true }))
    const { kind } = here.definition.spec.names
    const embedded = { apiVersion: "foo/v1", kind: "Sub", metadata: { unknownSubMeta: "unknown", name: "subobject" } }
    const body = {
      apiVersion: here.apiVersion,
      kind,
      metadata: { name: "mytest", unknownMeta: "foo" },
      spec: { template: embedded },
    }
    const created = await t.http("POST", `${here.path}?fieldValidation=Strict`, { body })
    assert.equal(created.status, 400, created.text)
    assert.match(created.json.message, /unknown field "metadata\.unknownMeta"/)
    assert.match(created.json.message, /unknown field "spec\.template\.metadata\.unknownSubMeta"/)
  },
)
