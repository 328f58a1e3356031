import assert from "node:assert/strict"
import { test } from "node:test"
import { makeNamespace, startTestServer } from "../../harness.ts"
import { call, decode, protobuf } from "./protobuf-client.ts"

/** A message of text fields and messages; every length here fits one byte. */
function message(...fields: [number, string | Buffer][]): Buffer {
  return Buffer.concat(
    fields.map(([field, value]) => {
      const bytes = Buffer.from(value)
      return Buffer.concat([Buffer.from([field * 8 + 2, bytes.length]), bytes])
    }),
  )
}

function body(apiVersion: string, kind: string, object: Buffer): Buffer {
  return Buffer.concat([Buffer.from("k8s\0"), message([1, message([1, apiVersion], [2, kind])], [2, object])])
}

const headers = {
  "Content-Type": "application/vnd.kubernetes.protobuf",
  Accept: "application/json",
}
const path = "/api/v1/namespaces/default/configmaps"

test("bodies in protobuf are taken, as kubectl create sends them", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await makeNamespace(server.client, "default")
  const configMap = message([1, message([1, "a"], [2, ""])], [2, message([1, "key"], [2, "value"])])
  const created = await server.http("POST", path, { body: body("v1", "ConfigMap", configMap), headers })
  assert.equal(created.status, 201)
  assert.deepEqual(created.json.data, { key: "value" })
  assert.equal(created.json.metadata.generateName, undefined)

  const other = await server.http("POST", path, { body: body("v1", "Secret", configMap), headers })
  assert.equal(other.status, 400)
  assert.match(other.json.message, /Secret in version "v1" cannot be handled as a ConfigMap/)
  const broken = await server.http("POST", path, { body: body("v1", "ConfigMap", Buffer.from([0x0a, 0x40])), headers })
  assert.equal(broken.status, 400)
  const nothing = await server.http("POST", path, { body: "{}", headers })
  assert.match(nothing.json.message, /expected prefix \[107 56 115 0\]/)

  const preconditions = message([2, message([1, "another"])])
  const kept = await server.http("DELETE", `${path}/a`, { body: body("v1", "DeleteOptions", preconditions), headers })
  assert.equal(kept.status, 409)
  const deleted = await server.http("DELETE", `${path}/a`, {
    body: body("v1", "DeleteOptions", Buffer.alloc(0)),
    headers,
  })
  assert.equal(deleted.status, 200)
})

test("openapi and discovery are served to kubectl", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const index = await server.http("GET", "/openapi/v3")
  const address = index.json.paths["apis/apps/v1"].serverRelativeURL as string
  assert.ok((await server.http("GET", address)).json.components.schemas["io.k8s.api.apps.v1.Deployment"])
  const v2 = await server.http("GET", "/openapi/v2", {
    headers: { Accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" },
  })
  assert.match(String(v2.headers["content-type"]), /proto-openapi.spec.v2.v1.0\+protobuf$/)
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
  const discovery = await server.http("GET", "/apis", { headers: { Accept: `${aggregated},application/json` } })
  assert.equal(discovery.json.kind, "APIGroupDiscoveryList")
  const again = await server.http("GET", "/apis", {
    headers: { Accept: aggregated, "If-None-Match": String(discovery.headers["etag"]) },
  })
  assert.equal(again.status, 304)

  const inProtobuf = `${protobuf};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`
  const all = await server.http("GET", "/apis", { headers: { Accept: `${inProtobuf},${protobuf}` } })
  assert.equal(all.headers["content-type"], inProtobuf)
  const groups = decode(all.bytes).items as { metadata: { name: string }; versions: { resources: object[] }[] }[]
  const apps = groups.find(({ metadata }) => metadata.name === "apps")
  assert.deepEqual(
    apps?.versions[0]?.resources.length,
    discovery.json.items.find(({ metadata }: (typeof groups)[0]) => metadata.name === "apps").versions[0].resources
      .length,
  )
  for (const path of ["/api", "/apis", "/apis/apps", "/apis/apps/v1"]) {
    const json = (await server.http("GET", path)).json
    assert.deepEqual((await call(server, "GET", path)).object, { apiVersion: "v1", ...json }, path)
  }
})
