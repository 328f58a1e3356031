import assert from "node:assert/strict"
import { test } from "node:test"
import { type KindDefinition, kinds, refs, schemaSource } from "@ladya/api"
import { apiVersionOf, type FieldSchema } from "@ladya/apimachinery"
import type { ApiRequest } from "@ladya/apiserver"
import { parseRequestInfo } from "@ladya/apiserver"
import { newRandom, type Random } from "@ladya/util"
import { startTestServer } from "../harness.ts"

/** Another run: `FUZZ_SEED=7 FUZZ_REQUESTS=100000`. */
const seed = Number(process.env["FUZZ_SEED"] ?? 42)
const requests = Number(process.env["FUZZ_REQUESTS"] ?? 4000)

const nasty: readonly unknown[] = [
  null,
  true,
  "",
  "x",
  "__proto__",
  "../../etc",
  "a".repeat(300),
  "\u0000",
  "ä😀",
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [null],
  [[]],
  { a: {} },
  { __proto__x: 1 },
  "1e9999",
  "0x10",
  "100m",
]

class Fuzzer {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** A value of this field, or something hostile in its place. */
  value(field: FieldSchema, depth: number): unknown {
    if (this.chance(0.08)) return this.pick(nasty)
    if (field.ref) return depth > 6 ? {} : this.object(field.ref, depth + 1)
    switch (field.type) {
      case "string":
        return this.pick(["a", "", "default", "Always", "TCP", "10.0.0.1", "5", "a-b"])
      case "integer":
        return this.pick([0, 1, 80, 65536, -5])
      case "number":
        return 1.5
      case "boolean":
        return this.chance(0.5)
      case "array":
        return depth > 6
          ? []
          : Array.from({ length: this.pick([0, 1, 2]) }, () => this.value(field.items ?? {}, depth + 1))
      case "map":
        return {
          [this.pick(["a", "b/c", "", "constructor"])]: depth > 6 ? null : this.value(field.values ?? {}, depth + 1),
        }
      default:
        return this.pick(nasty)
    }
  }

  object(typeName: string, depth: number): unknown {
    const schema = schemaSource(typeName)
    const fields = Object.entries(schema?.fields ?? {})
    if (fields.length === 0) return this.pick(["1", 1, "100m", {}, "2024-01-01T00:00:00Z"])
    const result: Record<string, unknown> = {}
    for (const [name, field] of fields) {
      if (schema?.required?.includes(name) ? this.chance(0.9) : this.chance(depth < 2 ? 0.6 : 0.25)) {
        result[name] = this.value(field, depth)
      }
    }
    if (this.chance(0.05)) result[this.pick(["unknown", "__proto__", "toString"])] = this.pick(nasty)
    return result
  }

  body(kind: KindDefinition): string {
    const object = this.object(kind.type ?? "", 0) as Record<string, unknown>
    if (this.chance(0.95)) Object.assign(object, { apiVersion: apiVersionOf(kind), kind: kind.kind })
    if (this.chance(0.9))
      object["metadata"] = {
        ...(object["metadata"] as object),
        name: "fuzz",
        namespace: kind.namespaced ? "default" : undefined,
      }
    const text = JSON.stringify(object)
    if (this.chance(0.03)) return text.slice(0, Math.floor(this.#random() * text.length))
    if (this.chance(0.02)) return `${"[".repeat(20_000)}`
    if (this.chance(0.02)) return text.replace(/:/, this.pick([":::", ": 00", ": 1e99999,", ":NaN"]))
    return text
  }

  target(kind: KindDefinition, method: string): string {
    const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
    const space = kind.namespaced
      ? `/namespaces/${this.chance(0.9) ? "default" : this.pick(["", "..", "%2e%2e", "a b"])}`
      : ""
    const sensible = method === "POST" ? "" : method === "GET" && this.chance(0.5) ? "" : "/fuzz"
    const name = this.chance(0.85) ? sensible : this.pick(["", "/fuzz", "/..%2f", "/%00", "//", "/a/b/c/d"])
    const subresource =
      name === "/fuzz" && this.chance(0.3)
        ? `/${this.pick(["status", "scale", "nothing", "binding", "eviction", "finalize"])}`
        : ""
    const query = [
      "dryRun=All",
      this.chance(0.2)
        ? `labelSelector=${encodeURIComponent(this.pick(["a=b", "a in (", "!!", "=,=", "a notin (b)"]))}`
        : "",
      this.chance(0.2)
        ? `fieldSelector=${encodeURIComponent(this.pick(["metadata.name=a", "x==", "spec.nodeName!=a", "\\"]))}`
        : "",
      this.chance(0.1) ? `limit=${this.pick(["1", "-1", "x", "99999999999999999999"])}` : "",
      this.chance(0.1)
        ? `continue=${this.pick(["x", "e30", "bnVsbA", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTUsInN0YXJ0IjoiYSJ9"])}`
        : "",
      this.chance(0.1) ? `resourceVersion=${this.pick(["0", "1", "x", "-1"])}` : "",
      this.chance(0.1) ? `fieldValidation=${this.pick(["Strict", "Warn", "Ignore", "x"])}` : "",
      this.chance(0.1) ? `gracePeriodSeconds=${this.pick(["0", "-1", "x"])}` : "",
    ].filter((part) => part !== "")
    return `${root}${space}/${kind.resource}${name}${subresource}?${query.join("&")}`
  }
}

function requestOf(method: string, target: string, body: string, headers: Record<string, string>): ApiRequest {
  const [path = "", search = ""] = target.split("?")
  const query = new URLSearchParams(search)
  return {
    id: "fuzz",
    method,
    path,
    query,
    headers,
    body: async () => Buffer.from(body),
    clientCertificates: [],
    remoteAddress: "",
    info: parseRequestInfo(method, path, query),
    user: undefined,
    signal: new AbortController().signal,
    warnings: [],
  }
}

test(`${requests} hostile requests (seed ${seed}): every answer is deliberate, and nothing is stored`, async (t) => {
  const { server, store, client } = await startTestServer(t)
  const metadata = { name: "fuzz", namespace: "default" }
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } }
  await client.resource(refs.configmaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata })
  await client.resource(refs.pods).create({ apiVersion: "v1", kind: "Pod", metadata, spec: template.spec })
  await client
    .resource(refs.services)
    .create({ apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 1 }] } })
  await client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata,
    spec: { selector: { matchLabels: { a: "b" } }, template },
  })
  const favourites = kinds.filter((kind) => ["configmaps", "pods", "services", "deployments"].includes(kind.resource))
  const fuzzer = new Fuzzer(newRandom(seed))
  const before = await store.currentRevision()
  const bad: string[] = []
  const counts = new Map<number, number>()
  for (let index = 0; index < requests; index++) {
    const kind = fuzzer.pick(fuzzer.chance(0.5) ? favourites : kinds)
    const method = fuzzer.pick(["POST", "POST", "POST", "PUT", "PATCH", "DELETE", "GET"])
    const target = fuzzer.target(kind, method)
    const type =
      method === "PATCH"
        ? fuzzer.pick(["merge-patch+json", "strategic-merge-patch+json", "json-patch+json", "x"])
        : fuzzer.pick(["json", "json", "json", "yaml", "vnd.kubernetes.protobuf"])
    const body = method === "GET" ? "" : fuzzer.body(kind)
    const request = requestOf(method, target, body, { "content-type": `application/${type}` })
    const answer = await server.handler(request)
    if (typeof answer === "symbol") continue
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1)
    if (answer.status >= 500 && answer.status !== 504) {
      bad.push(`${method} ${target} ${type} ${body.slice(0, 2000)} -> ${String(answer.body).slice(0, 400)}`)
    }
  }
  t.diagnostic(
    [...counts]
      .sort((a, b) => a[0] - b[0])
      .map(([status, count]) => `${status}: ${count}`)
      .join(", "),
  )
  assert.deepEqual(bad.slice(0, 3), [], `${bad.length} answers of 5xx`)
  assert.equal(await store.currentRevision(), before)
  assert.equal(({} as Record<string, unknown>)["a"], undefined)
})
