import assert from "node:assert/strict"
import { test } from "node:test"
import {
  definitionOf,
  definitionsPath,
  eventually,
  type Json,
  redefine,
  serve,
  tab,
  tabs,
  versionOf,
} from "./definitions.ts"

const merge = { "Content-Type": "application/merge-patch+json" }
const spec = (properties: object, more: object = {}): object => ({
  properties: { spec: { type: "object", properties, ...more } },
})

test("rules of the schema hold, with the messages they give", async (t) => {
  const rules = [
    { rule: "self.min <= self.max", messageExpression: "'min (' + string(self.min) + ') is above max'" },
    {
      rule: "self.kind == oldSelf.kind",
      message: "kind is immutable",
      fieldPath: ".kind",
      reason: "FieldValueForbidden",
    },
  ]
  const integer = { type: "integer" }
  const schema = spec(
    { min: integer, max: integer, kind: { type: "string", maxLength: 10 } },
    { required: ["min", "max", "kind"], "x-kubernetes-validations": rules },
  )
  const { http } = await serve(t, definitionOf(schema))
  const wrong = await http("POST", tabs(), { body: tab("a", { spec: { min: 3, max: 1, kind: "k" } }) })
  assert.equal(wrong.status, 422, wrong.text)
  assert.equal(
    wrong.json.message,
    'Tab.example.com "a" is invalid: spec: Invalid value: "object": min (3) is above max',
  )
  assert.equal((await http("POST", tabs(), { body: tab("a", { spec: { min: 0, max: 1, kind: "k" } }) })).status, 201)
  const changed = await http("PATCH", tabs("v1", "a"), { body: { spec: { kind: "l" } }, headers: merge })
  assert.equal(changed.json.message, 'Tab.example.com "a" is invalid: spec.kind: Forbidden: kind is immutable')
})

test("a stricter definition lets through what was there already", async (t) => {
  const server = await serve(t, definitionOf(spec({ a: { type: "string" }, b: { type: "string" } })))
  const { http } = server
  await http("POST", tabs(), { body: tab("x", { spec: { a: "long enough", b: "b" } }) })
  const rule = { rule: "self.size() < 3", message: "too long" }
  const a = { type: "string", maxLength: 5, "x-kubernetes-validations": [rule] }
  const versions = [versionOf("v1", spec({ a, b: { type: "string" } }), { storage: true })]
  await redefine(server, { spec: { versions } }, async () => {
    const { status } = await http("POST", `${tabs()}?dryRun=All`, { body: tab("y", { spec: { a: "long enough" } }) })
    return status === 422
  })
  const kept = await http("PATCH", tabs("v1", "x"), { body: { spec: { b: "c" } }, headers: merge })
  assert.equal(kept.status, 200, kept.text)
  const worse = await http("PATCH", tabs("v1", "x"), { body: { spec: { a: "other, long" } }, headers: merge })
  assert.equal(worse.status, 422)
  assert.match(
    worse.json.message,
    /spec\.a: Too long.*<nil>: Invalid value: "null": some validation rules were not checked/,
  )
})

test("defaults of a later definition show in what was kept before", async (t) => {
  const server = await serve(t, definitionOf(spec({ a: { type: "string" }, gone: { type: "string" } })))
  const { http } = server
  await http("POST", tabs(), { body: tab("x", { spec: { gone: "1" } }) })
  const versions = [versionOf("v1", spec({ a: { type: "string", default: "d" } }), { storage: true })]
  await redefine(server, { spec: { versions } }, async () => {
    const { json } = await http("GET", tabs("v1", "x"))
    return json.spec?.a === "d"
  })
  assert.deepEqual((await http("GET", tabs("v1", "x"))).json.spec, { a: "d" })
  assert.deepEqual((await http("GET", tabs())).json.items[0].spec, { a: "d" })
})

test("names that are taken are not given twice, and are when they are free", async (t) => {
  const server = await serve(t, definitionOf({}))
  const { http } = server
  const second = definitionOf({})
  second.metadata.name = "tabx.example.com"
  second.spec.names = { plural: "tabx", kind: "Tab", shortNames: ["tx"] }
  assert.equal((await http("POST", definitionsPath, { body: second })).status, 201)
  const conditions = async (): Promise<Record<string, string[]>> => {
    const { json } = await http("GET", `${definitionsPath}/tabx.example.com`)
    const all = (json.status.conditions ?? []) as Json[]
    return Object.fromEntries(all.map(({ type, status, reason, message }) => [type, [status, reason, message]]))
  }
  await eventually(async () => (await conditions())["NamesAccepted"] !== undefined)
  assert.deepEqual(await conditions(), {
    NamesAccepted: ["False", "ListKindConflict", '"TabList" is already in use'],
    Established: ["False", "NotAccepted", "not all names are accepted"],
  })
  assert.equal((await http("DELETE", `${definitionsPath}/tabs.example.com`)).status, 200)
  await eventually(async () => (await http("GET", "/apis/example.com/v1/tabx")).status === 200)
})

test("a version that is not served is not there, and one that was renamed is", async (t) => {
  const definition = definitionOf({})
  definition.spec.versions.push(versionOf("v2", {}))
  const server = await serve(t, definition)
  const { http } = server
  assert.equal((await http("GET", tabs("v2"))).status, 200)
  const isGone = async () => (await http("GET", tabs("v2"))).status === 404
  await redefine(
    server,
    { spec: { versions: [versionOf("v1", {}, { storage: true }), versionOf("v2", {}, { served: false })] } },
    isGone,
  )
  assert.equal((await http("GET", "/openapi/v3/apis/example.com/v2")).status, 404)
  const { json } = await http("GET", "/apis/example.com")
  assert.deepEqual(
    json.versions.map(({ version }: Json) => version),
    ["v1"],
  )
})

test("unknown and duplicate fields are told, in metadata and embedded objects too", async (t) => {
  const embedded = {
    type: "object",
    "x-kubernetes-embedded-resource": true,
    "x-kubernetes-preserve-unknown-fields": true,
  }
  const { http } = await serve(t, definitionOf(spec({ template: embedded, a: { type: "string" } })))
  const template = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", unknownSubMeta: "bar" } }
  const body = tab("m", { spec: { template } })
  body.metadata.unknownMeta = "foo"
  const strict = await http("POST", `${tabs()}?fieldValidation=Strict`, { body })
  assert.equal(strict.status, 400)
  assert.match(strict.json.message, /strict decoding error: .*unknown field "metadata\.unknownMeta"/)
  assert.match(strict.json.message, /unknown field "spec\.template\.metadata\.unknownSubMeta"/)
  const text = `{"apiVersion":"example.com/v1","kind":"Tab","metadata":{"name":"d"},"spec":{"a":"1","a":"2"}}`
  const duplicate = await http("POST", `${tabs()}?fieldValidation=Strict`, { body: text })
  assert.match(duplicate.json.message, /strict decoding error: duplicate field "spec\.a"/)
  const warned = await http("POST", tabs(), { body: text })
  assert.equal(warned.status, 201)
  assert.match(String(warned.headers["warning"]), /duplicate field \\"spec\.a\\"/)
})

test("a definition that goes lets nothing new in, and takes what no version serves with it", async (t) => {
  const definition = definitionOf({})
  definition.spec.names.listKind = "TabCollection"
  const server = await serve(t, definition)
  const { http, store } = server
  const held = tab("held", {})
  held.metadata.finalizers = ["example.com/hold"]
  await http("POST", tabs(), { body: held })
  await http("POST", tabs(), { body: tab("free", {}) })
  assert.equal((await http("GET", tabs())).json.kind, "TabCollection")
  await http("DELETE", `${definitionsPath}/tabs.example.com`)
  await eventually(async () => {
    const { status, json } = await http("POST", tabs(), { body: tab("late", {}) })
    return status === 405 && json.message === "create not allowed while custom resource definition is terminating"
  })
  await eventually(async () => (await http("GET", tabs("v1", "free"))).status === 404)
  assert.equal((await http("GET", tabs("v1", "held"))).status, 200)
  await http("PATCH", tabs("v1", "held"), { body: { metadata: { finalizers: null } }, headers: merge })
  await eventually(async () => (await http("GET", `${definitionsPath}/tabs.example.com`)).status === 404)

  const hidden = definitionOf({})
  await http("POST", definitionsPath, { body: hidden })
  await eventually(async () => (await http("GET", tabs())).status === 200)
  await http("POST", tabs(), { body: tab("kept", {}) })
  const versions = [versionOf("v1", {}, { storage: true, served: false })]
  await redefine(server, { spec: { versions } }, async () => (await http("GET", tabs())).status === 404)
  await http("DELETE", `${definitionsPath}/tabs.example.com`)
  await eventually(async () => (await http("GET", `${definitionsPath}/tabs.example.com`)).status === 404)
  assert.equal((await store.list({ prefix: "/registry/example.com/tabs/" })).items.length, 0)
})
