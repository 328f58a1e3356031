import assert from "node:assert/strict"
import { test } from "node:test"
import { kinds } from "@ladya/api"
import type { ApiRequest, ApiResponse } from "../request.ts"
import { discoveryGroups } from "./groups.ts"
import { isDiscoveryPath, newDiscoveryHandler } from "./handler.ts"

const groups = discoveryGroups(kinds)
const handler = newDiscoveryHandler({ groups: () => groups, serverAddress: "10.0.0.1:6443" })

function get(path: string, headers: Record<string, string> = {}): ApiResponse {
  const info = {
    isResource: false,
    path,
    verb: "get",
    group: "",
    version: "",
    resource: "",
    subresource: "",
    rest: "",
    namespace: "",
    name: "",
  }
  const request: ApiRequest = {
    id: "1",
    method: "GET",
    path,
    query: new URLSearchParams(),
    headers,
    body: async () => Buffer.alloc(0),
    clientCertificates: [],
    remoteAddress: "127.0.0.1",
    info,
    user: undefined,
    signal: new AbortController().signal,
    warnings: [],
  }
  return handler(request)
}

interface Resource {
  name: string
  kind: string
  group?: string
  version?: string
  verbs: string[]
  storageVersionHash?: string
}

const body = <T>(response: ApiResponse): T => JSON.parse(String(response.body)) as T

test("discovery knows its paths", () => {
  for (const path of ["/api", "/api/", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1"])
    assert.ok(isDiscoveryPath(path), path)
  for (const path of ["/", "/apiserver", "/api/v1/pods", "/apis/apps/v1/deployments"])
    assert.ok(!isDiscoveryPath(path), path)
})

test("legacy documents list every resource of the registry", () => {
  assert.deepEqual(body<{ versions: string[] }>(get("/api")).versions, ["v1"])
  const { groups } = body<{ groups: { name: string; preferredVersion: { groupVersion: string } }[] }>(get("/apis"))
  assert.ok(
    groups.some((group) => group.name === "autoscaling" && group.preferredVersion.groupVersion === "autoscaling/v2"),
  )
  assert.ok(!groups.some((group) => group.name === ""))
  for (const kind of kinds) {
    const path = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
    const { resources } = body<{ resources: Resource[] }>(get(path))
    const entry = resources.find((resource) => resource.name === kind.resource)
    assert.deepEqual(entry?.verbs, kind.verbs, `${path} ${kind.resource}`)
    for (const sub of kind.subresources) {
      assert.ok(resources.some((resource) => resource.name === `${kind.resource}/${sub.name}`))
    }
  }
})

test("entries are as upstream's", () => {
  const { resources } = body<{ resources: Resource[] }>(get("/api/v1"))
  const of = (name: string): Resource | undefined => resources.find((resource) => resource.name === name)
  assert.equal(of("configmaps")?.storageVersionHash, "qFsyl6wFWjQ=")
  assert.equal(of("pods")?.storageVersionHash, "xPOwRZ+Yhw8=")
  assert.equal(of("bindings")?.storageVersionHash, undefined)
  assert.deepEqual([of("pods/eviction")?.group, of("pods/eviction")?.version], ["policy", "v1"])
  assert.equal(of("pods/log")?.group, undefined)
})

interface Aggregated {
  kind: string
  items: { metadata: { name?: string }; versions: { version: string; resources: { resource: string }[] }[] }[]
}

const aggregated = (version: string) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`

test("the aggregated document holds all in one", () => {
  const response = get("/apis", { accept: `${aggregated("v2")},${aggregated("v2beta1")},application/json` })
  assert.equal(response.headers["Content-Type"], aggregated("v2"))
  const document = body<Aggregated>(response)
  const count = document.items.flatMap((item) => item.versions.flatMap((version) => version.resources)).length
  assert.equal(count, kinds.filter((kind) => kind.group !== "").length)
  const core = body<Aggregated>(get("/api", { accept: aggregated("v2beta1") }))
  assert.deepEqual(
    core.items.map((item) => item.metadata.name ?? ""),
    [""],
  )
  assert.equal(
    get("/apis/apps", { accept: `${aggregated("v2")},application/json` }).headers["Content-Type"],
    "application/json",
  )
})

test("a client that has the document gets 304", () => {
  const etag = get("/apis").headers["ETag"] as string
  assert.match(etag, /^"[0-9A-F]{128}"$/)
  assert.equal(get("/apis", { "if-none-match": etag }).status, 304)
  assert.equal(get("/api", { "if-none-match": etag }).status, 200)
})

test("what is not there is 404, what cannot be written 406", () => {
  assert.throws(() => get("/apis/nothing.example.com"), { code: 404 })
  assert.throws(() => get("/apis/apps/v9"), { code: 404 })
  assert.throws(() => get("/apis", { accept: "text/html" }), { code: 406 })
  assert.match(String(get("/apis", { accept: "application/yaml" }).body), /^kind: APIGroupList/)
})
