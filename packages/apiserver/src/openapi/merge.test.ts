import assert from "node:assert/strict"
import { test } from "node:test"
import { mergeV2, onlyBelow, toV3 } from "./merge.ts"

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
const ref = (name: string) => ({ $ref: `#/definitions/${name}` })
const own = {
  swagger: "2.0",
  paths: { "/api/v1/pods": { get: {} } },
  definitions: { [meta]: { type: "object", description: "ours" }, "a.Thing": { type: "object" } },
}
const other = {
  swagger: "2.0",
  paths: {
    "/apis/example.com/v1/things": {
      get: { produces: ["application/json"], responses: { 200: { description: "OK", schema: ref("a.Thing") } } },
      post: {
        consumes: ["application/json"],
        parameters: [
          { in: "body", name: "body", required: true, schema: ref("a.Thing") },
          { in: "query", name: "dryRun", type: "string" },
        ],
        responses: {},
      },
    },
    "/version/": { get: {} },
  },
  definitions: {
    [meta]: { type: "object", description: "theirs" },
    "a.Thing": { type: "object", properties: { metadata: ref(meta), other: ref("b.Other") } },
    "b.Other": { type: "string" },
    "c.Unused": { type: "string" },
  },
}

test("only what is below the root is taken, with the types it leads to", () => {
  const part = onlyBelow(other, "/apis/example.com/v1")
  assert.deepEqual(Object.keys(part["paths"] as object), ["/apis/example.com/v1/things"])
  assert.deepEqual(Object.keys(part["definitions"] as object).sort(), ["a.Thing", "b.Other", meta])
})

test("types of one name that differ are renamed, shared ones are ours", () => {
  const merged = mergeV2(own, [onlyBelow(other, "/apis/example.com/v1")]) as typeof own & {
    definitions: Record<string, { description?: string; properties?: Record<string, unknown> }>
    paths: Record<string, { get: { responses?: Record<string, { schema: unknown }> } }>
  }
  assert.equal(merged.definitions[meta]?.description, "ours")
  assert.deepEqual(merged.definitions["a.Thing_v2"]?.properties, { metadata: ref(meta), other: ref("b.Other") })
  assert.deepEqual(merged.paths["/apis/example.com/v1/things"]?.get.responses?.["200"]?.schema, ref("a.Thing_v2"))
  assert.deepEqual(Object.keys(own.paths), ["/api/v1/pods"], "the own document is as it was")
})

test("a document of the second version becomes one of the third", () => {
  const { paths, components } = toV3(onlyBelow(other, "/apis/example.com/v1")) as {
    paths: Record<string, Record<string, unknown>>
    components: { schemas: Record<string, unknown> }
  }
  const schema = { $ref: "#/components/schemas/a.Thing" }
  assert.deepEqual(paths["/apis/example.com/v1/things"]?.["post"], {
    parameters: [{ in: "query", name: "dryRun", schema: { type: "string" } }],
    requestBody: { content: { "application/json": { schema } }, required: true },
    responses: {},
  })
  assert.deepEqual(paths["/apis/example.com/v1/things"]?.["get"], {
    responses: { "200": { description: "OK", content: { "application/json": { schema } } } },
  })
  assert.ok(components.schemas["b.Other"])
})
