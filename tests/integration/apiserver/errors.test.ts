import assert from "node:assert/strict"
import { test } from "node:test"
import { startTestServer, type TestServer } from "../harness.ts"

const base = "/api/v1/namespaces/default/configmaps"
const configMap = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", ...more },
})

interface Row {
  name: string
  request: [method: string, path: string, body?: unknown, headers?: Record<string, string>]
  status: number
  reason?: string
  message?: RegExp
}

const json = { "Content-Type": "application/json" }
const merge = { "Content-Type": "application/merge-patch+json" }

const rows: Row[] = [
  {
    name: "a dry run of an unknown kind",
    request: ["PATCH", `${base}/x?dryRun=Some`, {}, merge],
    status: 422,
    reason: "Invalid",
    message: /^PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: \["Some"\]: supported values: "All"$/,
  },
  {
    name: "an unknown field validation",
    request: ["POST", `${base}?fieldValidation=Some`, configMap("x")],
    status: 422,
    reason: "Invalid",
    message: /^CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some"/,
  },
  { name: "a method of its own", request: ["PROPFIND", base], status: 405, reason: "MethodNotAllowed" },
  {
    name: "a deletion with a kind that is a number",
    request: ["DELETE", `${base}/x`, { kind: 7 }],
    status: 400,
    message: /^json: cannot unmarshal number into Go struct field DeleteOptions.kind of type string$/,
  },
  {
    name: "a selector of pods without a key, and a device without a path",
    request: [
      "POST",
      "/api/v1/namespaces/default/pods",
      {
        metadata: { name: "x" },
        spec: {
          containers: [{ name: "c", image: "i", volumeDevices: [{ name: "v" }] }],
          affinity: {
            podAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: "a", labelSelector: { matchExpressions: [{ operator: "Exists" }] } },
              ],
              preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 }],
            },
          },
        },
      },
    ],
    status: 422,
    message: /matchExpressions\[0\].key/,
  },
  {
    name: "truncated JSON",
    request: ["POST", base, '{"kind":', json],
    status: 400,
    reason: "BadRequest",
    message: /unexpected end/i,
  },
  { name: "no JSON at all", request: ["POST", base, "hello", json], status: 400, reason: "BadRequest" },
  { name: "an array", request: ["POST", base, "[]", json], status: 400, reason: "BadRequest" },
  { name: "a number", request: ["POST", base, "7", json], status: 400, reason: "BadRequest" },
  {
    name: "another kind",
    request: ["POST", base, { ...configMap("x"), kind: "Secret" }],
    status: 400,
    message: /^Secret in version "v1" cannot be handled as a ConfigMap/,
  },
  {
    name: "another version",
    request: ["POST", base, { ...configMap("x"), apiVersion: "apps/v1" }],
    status: 400,
    message: /^the API version in the data \(apps\/v1\) does not match the expected API version \(v1\)$/,
  },
  {
    name: "a wrong type",
    request: ["POST", base, { ...configMap("x"), data: { a: 1 } }],
    status: 400,
    message:
      /cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string$/,
  },
  {
    name: "metadata that is a text",
    request: ["POST", base, { ...configMap("x"), metadata: "x" }],
    status: 400,
  },
  {
    name: "another namespace",
    request: ["POST", base, configMap("x", { namespace: "other" })],
    status: 400,
    message: /^the namespace of the provided object does not match the namespace sent on the request$/,
  },
  {
    name: "another name",
    request: ["PUT", `${base}/y`, configMap("x")],
    status: 400,
    message: /^the name of the object \(x\) does not match the name on the URL \(y\)$/,
  },
  {
    name: "an update of nothing",
    request: ["PUT", `${base}/x`, configMap("x")],
    status: 404,
    reason: "NotFound",
    message: /^configmaps "x" not found$/,
  },
  { name: "a patch of nothing", request: ["PATCH", `${base}/x`, {}, merge], status: 404 },
  { name: "a deletion of nothing", request: ["DELETE", `${base}/x`], status: 404 },
  {
    name: "a bad name",
    request: ["POST", base, configMap("A_b")],
    status: 422,
    reason: "Invalid",
    message: /^ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must/,
  },
  {
    name: "no name",
    request: ["POST", base, configMap("")],
    status: 422,
    message: /metadata.name: Required value: name or generateName is required/,
  },
  {
    name: "a bad label",
    request: ["POST", base, configMap("x", { labels: { "a b": "c" } })],
    status: 422,
    message: /metadata.labels: Invalid value: "a b"/,
  },
  {
    name: "a version on create",
    request: ["POST", base, configMap("x", { resourceVersion: "7" })],
    status: 400,
    message: /^resourceVersion should not be set on objects to be created$/,
  },
  {
    name: "a content type nobody knows",
    request: ["POST", base, "x", { "Content-Type": "text/plain" }],
    status: 415,
    reason: "UnsupportedMediaType",
  },
  { name: "a patch type nobody knows", request: ["PATCH", `${base}/x`, "{}", json], status: 415 },
  {
    name: "an answer nobody can write",
    request: ["GET", base, undefined, { Accept: "image/png" }],
    status: 406,
    reason: "NotAcceptable",
  },
  {
    name: "POST to an object",
    request: ["POST", `${base}/x`, configMap("x")],
    status: 405,
    reason: "MethodNotAllowed",
  },
  { name: "PUT to a collection", request: ["PUT", base, configMap("x")], status: 405 },
  { name: "create without a namespace", request: ["POST", "/api/v1/configmaps", configMap("x")], status: 405 },
  { name: "get without a namespace", request: ["GET", "/api/v1/configmaps/x"], status: 404 },
  { name: "a cluster-wide resource in a namespace", request: ["GET", "/api/v1/namespaces/default/nodes"], status: 404 },
  {
    name: "a resource nobody knows",
    request: ["GET", "/api/v1/things"],
    status: 404,
    reason: "NotFound",
    message: /^the server could not find the requested resource$/,
  },
  { name: "a subresource nobody knows", request: ["GET", `${base}/x/things`], status: 404 },
  { name: "a group nobody knows", request: ["GET", "/apis/nobody.example.com/v1/things"], status: 404 },
  { name: "a path nobody knows", request: ["GET", "/nothing/here"], status: 404 },
  { name: "an odd method", request: ["OPTIONS", base], status: 405 },
  { name: "a bad limit", request: ["GET", `${base}?limit=abc`], status: 400 },
  {
    name: "a bad continue token",
    request: ["GET", `${base}?continue=abc`],
    status: 400,
    message: /^continue key is not valid/,
  },
  {
    name: "a bad label selector",
    request: ["GET", `${base}?labelSelector=a%20b`],
    status: 400,
    message: /unable to parse requirement|found 'b'/,
  },
  { name: "a bad dry run", request: ["POST", `${base}?dryRun=some`, configMap("x")], status: 422 },
  {
    name: "an unknown field, strictly",
    request: ["POST", `${base}?fieldValidation=Strict`, { ...configMap("x"), foo: 1 }],
    status: 400,
    message: /strict decoding error: unknown field "foo"$/,
  },
  {
    name: "a repeated field, strictly",
    request: [
      "POST",
      `${base}?fieldValidation=Strict`,
      '{"kind":"ConfigMap","kind":"ConfigMap","metadata":{"name":"x"}}',
      json,
    ],
    status: 400,
    message: /strict decoding error: duplicate field "kind"$/,
  },
  {
    name: "contradicting delete options",
    request: ["DELETE", `${base}/x`, { propagationPolicy: "Orphan", orphanDependents: true }],
    status: 422,
  },
  { name: "a policy nobody knows", request: ["DELETE", `${base}/x?propagationPolicy=Never`], status: 422 },
  { name: "path tricks", request: ["GET", `${base}/..%2f..%2fsecrets`], status: 404 },
  {
    name: "a body that is too large",
    request: ["POST", base, "x".repeat(3 * 1024 * 1024 + 1), json],
    status: 413,
    reason: "RequestEntityTooLarge",
  },
]

test("every bad request gets its Status", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const before = await server.store.currentRevision()
  for (const { name, request, status, reason, message } of rows) {
    await t.test(name, async () => {
      const [method, path, body, headers] = request
      const answer = await server.http(method, path, { body, ...(headers ? { headers } : {}) })
      assert.equal(answer.status, status, answer.text)
      const { kind, code, ...rest } = answer.json
      assert.equal(kind, "Status")
      assert.equal(code, status)
      if (reason) assert.equal(rest.reason, reason)
      if (message) assert.match(rest.message, message)
    })
  }
  assert.equal(await server.store.currentRevision(), before, "nothing was written")
})

async function post(server: TestServer, name: string, more: object = {}) {
  const answer = await server.http("POST", base, { body: configMap(name, more) })
  assert.equal(answer.status, 201, answer.text)
  return answer.json
}

test("conflicts are worded as everywhere", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const first = await post(server, "c")
  const next = await server.http("PUT", `${base}/c`, { body: { ...first, data: { a: "1" } } })
  assert.equal(next.status, 200)
  const stale = await server.http("PUT", `${base}/c`, { body: { ...first, data: { a: "2" } } })
  assert.equal(stale.status, 409)
  assert.equal(stale.json.reason, "Conflict")
  assert.equal(
    stale.json.message,
    'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
  )
  assert.deepEqual(stale.json.details, { name: "c", kind: "configmaps" })
  const other = await server.http("PUT", `${base}/c`, {
    body: configMap("c", { uid: "00000000-0000-0000-0000-000000000000" }),
  })
  assert.equal(other.status, 409)
  assert.match(other.json.message, /Precondition failed: UID in precondition: 0{8}/)
  const pinned = await server.http("PATCH", `${base}/c`, {
    body: { metadata: { resourceVersion: "1" }, data: { a: "3" } },
    headers: merge,
  })
  assert.equal(pinned.status, 409)
  const unpinned = await server.http("PUT", `${base}/c`, { body: configMap("c") })
  assert.equal(unpinned.status, 200)
})

test("dry runs answer and change nothing; warnings name unknown fields", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const dry = await server.http("POST", `${base}?dryRun=All`, { body: { ...configMap("d"), foo: 1 } })
  assert.equal(dry.status, 201)
  assert.equal(dry.headers["warning"], '299 - "unknown field \\"foo\\""')
  assert.ok(dry.json.metadata.uid)
  assert.equal((await server.http("GET", `${base}/d`)).status, 404)
  await post(server, "d")
  assert.equal((await server.http("DELETE", `${base}/d?dryRun=All`)).status, 200)
  const patched = await server.http("PATCH", `${base}/d?dryRun=All`, { body: { data: { a: "1" } }, headers: merge })
  assert.deepEqual(patched.json.data, { a: "1" })
  assert.equal((await server.http("GET", `${base}/d`)).json.data, undefined)
  const old = await server.http("GET", "/api/v1/endpoints")
  assert.equal(old.status, 200)
  assert.match(String(old.headers["warning"]), /^299 - "v1 Endpoints is deprecated in v1.33\+; use/)
})

test("keys that touch prototypes are data like any other, or nothing", async (t) => {
  const server = await startTestServer(t, { listen: true })
  const body =
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p","labels":{"constructor":"x"}},"data":{"__proto__":"a","toString":"b"}}'
  const made = await server.http("POST", base, { body, headers: json })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.json.data.toString, "b")
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined)
  const patch = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'
  const patched = await server.http("PATCH", `${base}/p`, { body: patch, headers: merge })
  assert.ok(patched.status === 200 || patched.status === 400, patched.text)
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined)
})

test("parallel patches without a version all get through", async (t) => {
  const server = await startTestServer(t, { listen: true })
  await post(server, "many")
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      server.http("PATCH", `${base}/many`, { body: { data: { [`k${i}`]: "v" } }, headers: merge }),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array.from({ length: 8 }, () => 200),
  )
  assert.equal(Object.keys((await server.http("GET", `${base}/many`)).json.data).length, 8)
})
