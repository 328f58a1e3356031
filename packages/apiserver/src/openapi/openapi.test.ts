import assert from "node:assert/strict"
import { test } from "node:test"
import { kinds, schemaSource, schemaTypeNames } from "@ladya/api"
import type { ApiRequest, ApiResponse } from "../request.ts"
import { ProtobufWriter } from "./gnostic/writer.ts"
import { newOpenApiHandler } from "./handler.ts"

const docs = {
  "io.k8s.api.core.v1.PodSpec": { "": "PodSpec is what a pod runs. And more.", containers: "Its containers." },
}
const handler = newOpenApiHandler({
  kinds: () => kinds,
  schemas: schemaSource,
  typeNames: schemaTypeNames,
  version: "v1.36.0",
  descriptions: () => Buffer.from(JSON.stringify(docs)),
})

function get(address: string, headers: Record<string, string> = {}): ApiResponse {
  const url = new URL(address, "https://localhost")
  const info = {
    isResource: false,
    path: url.pathname,
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
    path: url.pathname,
    query: url.searchParams,
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

interface Schema {
  description?: string
  properties?: Record<string, Schema & { allOf?: { $ref: string }[]; items?: { $ref?: string } }>
  [extension: `x-${string}`]: unknown
}

interface Document {
  paths: Record<
    string,
    Record<string, { operationId: string; parameters?: { name: string }[] } & Record<string, unknown>>
  >
  components: { schemas: Record<string, Schema> }
}

const body = <T>(response: ApiResponse): T => JSON.parse(String(response.body)) as T
const index = body<{ paths: Record<string, { serverRelativeURL: string }> }>(get("/openapi/v3"))

function refsOf(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] as string)
}

test("the index leads to every group version, and each document is whole", () => {
  for (const kind of kinds) {
    const part = kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`
    assert.ok(index.paths[part], part)
  }
  const ids = new Set<string>()
  for (const { serverRelativeURL } of Object.values(index.paths)) {
    const document = body<Document>(get(serverRelativeURL))
    for (const ref of refsOf(document)) {
      assert.ok(document.components.schemas[ref.replace("#/components/schemas/", "")], `${serverRelativeURL}: ${ref}`)
    }
    for (const item of Object.values(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (method === "parameters") continue
        assert.ok(!ids.has(operation.operationId), operation.operationId)
        ids.add(operation.operationId)
      }
    }
  }
  for (const id of [
    "listAppsV1DeploymentForAllNamespaces",
    "patchAppsV1NamespacedDeploymentScale",
    "deleteCoreV1CollectionNamespacedPod",
    "connectCoreV1GetNamespacedPodExec",
    "readRbacAuthorizationV1ClusterRole",
  ]) {
    assert.ok(ids.has(id), id)
  }
})

test("operations and schemas carry what kubectl reads", () => {
  const document = body<Document>(get("/openapi/v3/api/v1"))
  const patch = document.paths["/api/v1/namespaces/{namespace}/pods/{name}"]?.["patch"]
  assert.ok(patch?.parameters?.some((parameter) => parameter.name === "fieldValidation"))
  assert.equal(patch?.["x-kubernetes-action"], "patch")
  assert.deepEqual(patch?.["x-kubernetes-group-version-kind"], { group: "", kind: "Pod", version: "v1" })
  const spec = document.components.schemas["io.k8s.api.core.v1.PodSpec"]
  const containers = spec?.properties?.["containers"] as Schema
  assert.equal(spec?.description, "PodSpec is what a pod runs. And more.")
  assert.equal(containers.description, "Its containers.")
  assert.equal(containers["x-kubernetes-patch-merge-key"], "name")
  assert.equal(containers["x-kubernetes-list-type"], "map")
  const pod = document.components.schemas["io.k8s.api.core.v1.Pod"]
  assert.equal(pod?.properties?.["spec"]?.description, "What a pod runs.")
  assert.deepEqual(pod?.properties?.["spec"]?.allOf, [{ $ref: "#/components/schemas/io.k8s.api.core.v1.PodSpec" }])
  assert.deepEqual(pod?.["x-kubernetes-group-version-kind"], [{ group: "", kind: "Pod", version: "v1" }])
})

test("documents have an address that changes with them", () => {
  const address = index.paths["apis/apps/v1"]?.serverRelativeURL as string
  const response = get(address)
  assert.match(response.headers["Cache-Control"] ?? "", /immutable/)
  assert.equal(get(address, { "if-none-match": response.headers["ETag"] as string }).status, 304)
  const moved = get("/openapi/v3/apis/apps/v1?hash=OLD")
  assert.equal(moved.status, 301)
  assert.equal(moved.headers["Location"], address)
  assert.throws(() => get("/openapi/v3/apis/none/v1"), { code: 404 })
  assert.throws(() => get("/openapi/v3", { accept: "text/html" }), { code: 406 })
})

test("version 2 is one document, whole, in JSON and in protobuf", () => {
  const document = body<{ definitions: Record<string, unknown>; paths: Record<string, unknown> }>(get("/openapi/v2"))
  for (const ref of refsOf(document)) assert.ok(document.definitions[ref.replace("#/definitions/", "")], ref)
  assert.ok(document.paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"])
  for (const type of [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
  ]) {
    const response = get("/openapi/v2", { accept: `${type},application/json;q=0.5` })
    assert.equal(response.headers["Content-Type"], "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
    const bytes = response.body as Buffer
    // Field 1, a text of three bytes: the version of OpenAPI.
    assert.equal(bytes.subarray(0, 5).toString("latin1"), "\n\x032.0")
    assert.ok(bytes.includes("listAppsV1DeploymentForAllNamespaces"))
  }
})

test("a part of version 3 in protobuf", () => {
  const index = body<{ paths: Record<string, { serverRelativeURL: string }> }>(get("/openapi/v3"))
  const address = index.paths["apis/apps/v1"]?.serverRelativeURL as string
  const response = get(address, { accept: "application/com.github.proto-openapi.spec.v3@v1.0+protobuf" })
  assert.equal(response.headers["Content-Type"], "application/com.github.proto-openapi.spec.v3.v1.0+protobuf")
  const bytes = response.body as Buffer
  assert.equal(bytes.subarray(0, 7).toString("latin1"), "\n\x053.0.0")
  for (const text of [
    "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec",
    "listAppsV1DeploymentForAllNamespaces",
  ]) {
    assert.ok(bytes.includes(text), text)
  }
})

test("protobuf is written as its format says", () => {
  const bytes = new ProtobufWriter()
    .string(1, "a")
    .string(2, "")
    .boolean(3, true)
    .message(20, (inner) => inner.strings(1, ["x", ""]))
    .finish()
  assert.equal(bytes.toString("hex"), "0a01611801a201050a01780a00")
  const long = new ProtobufWriter().string(1, "x".repeat(300)).finish()
  assert.equal(long.subarray(0, 3).toString("hex"), "0aac02")
  assert.equal(long.length, 303)
})
