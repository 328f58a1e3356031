import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { newTestPki } from "../certificates.ts"
import { readWatch, type TestServer } from "../harness.ts"
import { startWebhookServer, type WebhookServer } from "../webhook-server.ts"
import { definitionOf, eventually, type Json, redefine, serve, tab, tabs, versionOf } from "./definitions.ts"

const pki = await newTestPki()
const text = { type: "string" }
const v1 = { properties: { hostPort: text } }
const v2 = { properties: { host: text, port: text } }

/** `hostPort` of v1 is `host` and `port` of v2. */
function convert(object: Json, desired: string): Json {
  const { hostPort, host, port, ...rest } = object
  const converted = { ...rest, apiVersion: desired }
  if (desired.endsWith("/v1")) return { ...converted, hostPort: `${host}:${port}` }
  const [first, second] = String(hostPort).split(":")
  return { ...converted, host: first, port: second }
}

interface Converted {
  server: TestServer
  webhook: WebhookServer
}

async function converting(t: TestContext, answer?: (body: Json) => object): Promise<Converted> {
  const webhook = await startWebhookServer(t, pki.server, ({ body }) => {
    const { uid, objects, desiredAPIVersion } = body.request
    const response = answer?.(body) ?? {
      convertedObjects: objects.map((object: Json) => convert(object, desiredAPIVersion)),
      result: { status: "Success" },
    }
    return { apiVersion: body.apiVersion, kind: "ConversionReview", response: { uid, ...response } }
  })
  const definition = definitionOf(v1, { selectableFields: [{ jsonPath: ".hostPort" }] })
  definition.spec.versions.push(
    versionOf("v2", v2, { selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }] }),
  )
  const clientConfig = { url: `${webhook.url}/convert`, caBundle: Buffer.from(pki.ca).toString("base64") }
  definition.spec.conversion = { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } }
  return { server: await serve(t, definition), webhook }
}

const storedIn = (name: string) => ({
  spec: {
    versions: [
      versionOf("v1", v1, { storage: name === "v1", selectableFields: [{ jsonPath: ".hostPort" }] }),
      versionOf("v2", v2, {
        storage: name === "v2",
        selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }],
      }),
    ],
  },
})

test("a webhook converts what is read, written, listed and patched in another version", async (t) => {
  const { server } = await converting(t)
  const { http } = server
  const made = await http("POST", tabs(), { body: tab("a", { hostPort: "here:80" }) })
  assert.equal(made.status, 201, made.text)
  const read = await http("GET", tabs("v2", "a"))
  assert.deepEqual([read.json.apiVersion, read.json.host, read.json.port], ["example.com/v2", "here", "80"])
  assert.equal(read.json.metadata.uid, made.json.metadata.uid)
  const second = await http("POST", tabs("v2"), { body: tab("b", { host: "there", port: "443" }, "v2") })
  assert.equal(second.json.host, "there", second.text)
  const list = await http("GET", tabs("v2"))
  assert.deepEqual(
    list.json.items.map((item: Json) => [item.apiVersion, item.host]),
    [
      ["example.com/v2", "here"],
      ["example.com/v2", "there"],
    ],
  )
  const patched = await http("PATCH", tabs("v2", "a"), {
    body: { port: "81" },
    headers: { "Content-Type": "application/merge-patch+json" },
  })
  assert.equal(patched.json.port, "81", patched.text)
  assert.equal((await http("GET", tabs("v1", "a"))).json.hostPort, "here:81")
  const replaced = await http("PUT", tabs("v2", "b"), { body: { ...second.json, host: "else" } })
  assert.equal(replaced.status, 200, replaced.text)
  assert.equal((await http("GET", tabs("v1", "b"))).json.hostPort, "else:443")
  const table = await http("GET", tabs("v2"), { headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } })
  assert.equal(table.json.rows.length, 2)
  assert.equal((await http("DELETE", tabs("v2", "b"))).status, 200)
})

test("fields are selected by in the version that is asked for, in lists and watches", async (t) => {
  const { server } = await converting(t)
  const { http } = server
  const select = (version: string, selector: string) => `${tabs(version)}?fieldSelector=${encodeURIComponent(selector)}`
  await http("POST", tabs(), { body: tab("a", { hostPort: "here:80" }) })
  await http("POST", tabs(), { body: tab("b", { hostPort: "there:80" }) })
  const names = async (path: string): Promise<string[]> => {
    const { json, text: why } = await http("GET", path)
    assert.ok(json.items, why)
    return json.items.map(({ metadata }: Json) => metadata.name)
  }
  assert.deepEqual(await names(select("v1", "hostPort=here:80")), ["a"])
  assert.deepEqual(await names(select("v2", "host=there")), ["b"])
  assert.deepEqual(await names(select("v2", "port=80")), ["a", "b"])
  assert.equal((await http("GET", select("v2", "hostPort=here:80"))).status, 400)

  const { resourceVersion } = (await http("GET", tabs("v2"))).json.metadata
  const watch = readWatch(
    server,
    `${select("v2", "host=here")}&watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=60`,
    (events) => events.length === 3,
    async () => {
      await http("POST", tabs(), { body: tab("c", { hostPort: "here:1" }) })
      await http("POST", tabs(), { body: tab("d", { hostPort: "there:1" }) })
      await http("PATCH", tabs("v1", "c"), {
        body: { hostPort: "away:1" },
        headers: { "Content-Type": "application/merge-patch+json" },
      })
      await http("PATCH", tabs("v1", "d"), {
        body: { hostPort: "here:2" },
        headers: { "Content-Type": "application/merge-patch+json" },
      })
    },
  )
  assert.deepEqual(
    (await watch).map(({ type, object }) => [type, object.apiVersion, object.metadata.name, object.host]),
    [
      ["ADDED", "example.com/v2", "c", "here"],
      ["DELETED", "example.com/v2", "c", "here"],
      ["ADDED", "example.com/v2", "d", "here"],
    ],
  )
})

test("when the stored version changes, what is kept in the old one is still read, and written in the new one", async (t) => {
  const { server, webhook } = await converting(t)
  const { http, store } = server
  await http("POST", tabs(), { body: tab("a", { hostPort: "here:80" }) })
  await redefine(server, storedIn("v2"), async () => {
    const { json } = await http("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tabs.example.com")
    return json.status.storedVersions.length === 2
  })
  await eventually(
    async () => (await http("POST", tabs("v2"), { body: tab("b", { host: "there", port: "1" }, "v2") })).status !== 404,
  )
  const list = await http("GET", tabs("v2"))
  assert.deepEqual(
    list.json.items.map(({ host }: Json) => host),
    ["here", "there"],
    list.text,
  )
  const asked = webhook.requests.length
  await http("GET", tabs("v2"))
  assert.equal(webhook.requests.length, asked, "what was converted once is remembered")
  const kept = async (name: string) =>
    JSON.parse(String((await store.get(`/registry/example.com/tabs/default/${name}`)).kv?.value)) as Json
  assert.equal((await kept("a")).apiVersion, "example.com/v1")
  assert.equal((await kept("b")).apiVersion, "example.com/v2")
  const read = await http("GET", tabs("v1", "a"))
  const same = await http("PUT", tabs("v1", "a"), { body: read.json })
  assert.equal(same.status, 200, same.text)
  assert.equal((await kept("a")).apiVersion, "example.com/v2", "a write of the same content migrates it")
  assert.equal((await http("GET", tabs("v1", "a"))).json.hostPort, "here:80")
})

test("a webhook that fails is named", async (t) => {
  const { server } = await converting(t, () => ({ result: { status: "Failure", message: "no way" } }))
  const { http } = server
  await http("POST", tabs(), { body: tab("a", { hostPort: "here:80" }) })
  const read = await http("GET", tabs("v2", "a"))
  assert.equal(read.status, 500)
  assert.equal(read.json.message, "conversion webhook for example.com/v1, Kind=Tab failed: no way")
  assert.equal((await http("GET", tabs("v1", "a"))).status, 200)
})

test("without a webhook, versions differ by their names and shapes alone", async (t) => {
  const definition = definitionOf({ properties: { a: text, b: { type: "string", default: "kept" } } })
  definition.spec.versions.push(versionOf("v2", { properties: { a: text, c: { type: "string", default: "two" } } }))
  const server = await serve(t, definition)
  const { http } = server
  await http("POST", tabs(), { body: tab("a", { a: "x" }) })
  const second = await http("GET", tabs("v2", "a"))
  assert.deepEqual(
    [second.json.apiVersion, second.json.a, second.json.b, second.json.c],
    ["example.com/v2", "x", undefined, "two"],
  )
})
