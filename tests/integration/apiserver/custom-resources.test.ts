import assert from "node:assert/strict"
import { test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { startTestServer } from "../harness.ts"

const eventually = (condition: () => Promise<boolean>) =>
  waitFor(systemClock, condition, { description: "the definition to take effect", timeoutMs: 60_000, intervalMs: 10 })

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "crontabs.stable.example.com" },
  spec: {
    group: "stable.example.com",
    scope: "Namespaced",
    names: { plural: "crontabs", kind: "CronTab", shortNames: ["ct"] },
    versions: ["v1", "v1beta1"].map((name) => ({
      name,
      served: true,
      storage: name === "v1",
      subresources: {
        status: {},
        scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
      },
      additionalPrinterColumns: [{ name: "Spec", type: "string", jsonPath: ".spec.cronSpec" }],
      schema: {
        openAPIV3Schema: {
          type: "object",
          properties: {
            spec: {
              type: "object",
              required: ["cronSpec"],
              properties: {
                cronSpec: { type: "string", description: "When to run." },
                replicas: { type: "integer", minimum: 1, default: 1 },
              },
            },
            status: { type: "object", properties: { replicas: { type: "integer" } } },
          },
        },
      },
    })),
  },
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
const base = "/apis/stable.example.com/v1/namespaces/default/crontabs"
const tab = (name: string, spec: Record<string, unknown>) => ({
  apiVersion: "stable.example.com/v1",
  kind: "CronTab",
  metadata: { name },
  spec,
})

async function established(t: Parameters<typeof startTestServer>[0]) {
  const server = await startTestServer(t, { listen: true })
  const made = await server.http("POST", definitions, { body: definition })
  assert.equal(made.status, 201, made.text)
  await eventually(async () => {
    const { json } = await server.http("GET", `${definitions}/${definition.metadata.name}`)
    return json.status.conditions?.some(
      (one: { type: string; status: string }) => one.type === "Established" && one.status === "True",
    )
  })
  await eventually(async () => (await server.http("GET", base)).status === 200)
  return server
}

test("a custom resource is served as its definition says", async (t) => {
  const { http } = await established(t)
  const created = await http("POST", base, { body: tab("a", { cronSpec: "* *", other: 1 }) })
  assert.equal(created.status, 201, created.text)
  assert.deepEqual(created.json.spec, { cronSpec: "* *", replicas: 1 })
  assert.equal(created.json.metadata.generation, 1)
  assert.ok(created.headers["warning"]?.includes('unknown field \\"spec.other\\"'), String(created.headers["warning"]))
  const strict = await http("POST", `${base}?fieldValidation=Strict`, { body: tab("b", { cronSpec: "*", other: 1 }) })
  assert.equal(strict.status, 400)
  assert.match(strict.json.message, /strict decoding error: unknown field "spec.other"/)
  const wrong = await http("POST", base, { body: tab("b", { replicas: 0 }) })
  assert.equal(wrong.status, 422)
  assert.match(wrong.json.message, /^CronTab.stable.example.com "b" is invalid: \[spec.cronSpec: Required value, /)
  assert.match(wrong.json.message, /spec.replicas in body should be greater than or equal to 1/)

  const patch = (body: unknown, type: string, path = "a") =>
    http("PATCH", `${base}/${path}`, { body, headers: { "Content-Type": `application/${type}` } })
  assert.equal((await patch({ spec: { replicas: 2 } }, "strategic-merge-patch+json")).status, 415)
  const merged = await patch({ spec: { replicas: 2 } }, "merge-patch+json")
  assert.equal(merged.json.metadata.generation, 2, merged.text)
  const status = await patch({ spec: { replicas: 9 }, status: { replicas: 5 } }, "merge-patch+json", "a/status")
  assert.deepEqual(
    [status.json.spec.replicas, status.json.status, status.json.metadata.generation],
    [2, { replicas: 5 }, 2],
  )
  const scaled = await patch({ spec: { replicas: 4 } }, "merge-patch+json", "a/scale")
  assert.equal(scaled.json.spec?.replicas, 4, scaled.text)
  const applied = await http("PATCH", `${base}/c?fieldManager=me`, {
    body: tab("c", { cronSpec: "1" }),
    headers: { "Content-Type": "application/apply-patch+yaml" },
  })
  assert.equal(applied.status, 201, applied.text)
  assert.ok(applied.json.metadata.managedFields[0].fieldsV1["f:spec"]["f:cronSpec"])

  const beta = await http("GET", `${base.replace("/v1/", "/v1beta1/")}/a`)
  assert.equal(beta.json.apiVersion, "stable.example.com/v1beta1")
  const table = await http("GET", base, { headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } })
  assert.deepEqual(table.json.rows[0].cells, ["a", "* *"])
  const discovery = await http("GET", "/apis/stable.example.com/v1")
  assert.deepEqual(
    discovery.json.resources.map(({ name }: { name: string }) => name),
    ["crontabs", "crontabs/status", "crontabs/scale"],
  )
  const openApi = await http("GET", "/openapi/v3/apis/stable.example.com/v1")
  const schema = openApi.json.components.schemas["com.example.stable.v1.CronTab"]
  assert.equal(schema.properties.spec.properties.cronSpec.description, "When to run.")
  assert.equal((await http("GET", "/openapi/v2")).status, 200)
})

test("a definition goes with its instances", async (t) => {
  const { http } = await established(t)
  await http("POST", base, { body: tab("a", { cronSpec: "*" }) })
  const gone = await http("DELETE", `${definitions}/${definition.metadata.name}`)
  assert.equal(gone.status, 200)
  await eventually(async () => (await http("GET", base)).status === 404)
  await eventually(async () => (await http("GET", `${definitions}/${definition.metadata.name}`)).status === 404)
  assert.equal((await http("GET", "/apis/stable.example.com")).status, 404)
  await http("POST", definitions, { body: definition })
  await eventually(async () => (await http("GET", base)).status === 200)
  assert.deepEqual((await http("GET", base)).json.items, [])
})

test("a definition that changes moves the address of its own API document, and of no other", async (t) => {
  const { http } = await established(t)
  const addresses = async (): Promise<Record<string, string>> => {
    const { paths } = (await http("GET", "/openapi/v3")).json as {
      paths: Record<string, { serverRelativeURL: string }>
    }
    return Object.fromEntries(Object.entries(paths).map(([part, { serverRelativeURL }]) => [part, serverRelativeURL]))
  }
  const before = await addresses()
  const changed = await http("PATCH", `${definitions}/${definition.metadata.name}`, {
    body: [
      {
        op: "replace",
        path: "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/cronSpec/description",
        value: "When it is to run.",
      },
    ],
    headers: { "Content-Type": "application/json-patch+json" },
  })
  assert.equal(changed.status, 200, changed.text)
  const own = "apis/stable.example.com/v1"
  await eventually(async () => (await addresses())[own] !== before[own])
  const after = await addresses()
  assert.deepEqual(
    Object.keys(before).filter((part) => after[part] !== before[part]),
    [own],
  )
  const document = await http("GET", after[own] ?? "")
  assert.match(document.text, /When it is to run\./)
})
