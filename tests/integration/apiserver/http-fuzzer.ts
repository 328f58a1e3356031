import { kinds, schemaSource } from "@ladya/api"
import type { FieldSchema } from "@ladya/apimachinery"
import type { Random } from "@ladya/util"

type Kind = (typeof kinds)[number]

const typeOf = ({ group, version, kind }: Kind): { apiVersion: string; kind: string } => ({
  apiVersion: group ? `${group}/${version}` : version,
  kind,
})

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io"

function collectionOf({ group, version, namespaced, resource }: Kind): string {
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`
  return `${root}${namespaced ? "/namespaces/default" : ""}/${resource}`
}

/** One request. */
export interface Shot {
  method: string
  path: string
  headers: Record<string, string>
  body?: Buffer
}

const evilKeys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", "\u0000", "a/b", "a.b"]
const evilTexts = ["", "\u0000", "../../etc/passwd", "${x}", "%00", "\ud800", "A".repeat(300), "-1", "null", "1e999"]
const evilNumbers = [0, -1, 1.5, 1e21, -(2 ** 53), 2 ** 31, 2 ** 63, 1e308]
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "FOO", "TRACE"]
const types = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/merge-patch+json",
  "application/json-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
  "text/plain",
  "",
  ";;;",
]
const accepts = [
  "*/*",
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "text/html",
  ",,;q=x",
]
const parameters = [
  "labelSelector",
  "fieldSelector",
  "limit",
  "continue",
  "resourceVersion",
  "resourceVersionMatch",
  "fieldValidation",
  "fieldManager",
  "propagationPolicy",
  "gracePeriodSeconds",
  "pretty",
  "includeObject",
  "sendInitialEvents",
  "timeoutSeconds",
]
const parameterValues = [
  ...[
    "",
    "x",
    "-1",
    "0",
    "1",
    "true",
    "a in (b",
    "a=b,!c",
    "!!",
    "metadata.name=x",
    "a.b=c",
    "=",
    "Exact",
    "NotOlderThan",
  ],
  ...[
    "999999999999999999999",
    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8ifQ",
    "__proto__",
    "%zz",
    "\u0000",
  ],
]

/** Makes requests that are wrong somewhere: out of chance with a seed, so that a run can be repeated. */
export class Fuzzer {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }

  /** Any JSON value at all. */
  #value(depth: number): unknown {
    const choice = this.#random()
    if (choice < 0.2) return this.#pick(evilTexts)
    if (choice < 0.4) return this.#pick(evilNumbers)
    if (choice < 0.5) return this.#pick([null, true, false])
    if (depth <= 0) return {}
    if (choice < 0.75) return Array.from({ length: 2 }, () => this.#value(depth - 1))
    // JSON.parse makes own properties of all these names, as a request's body would.
    return JSON.parse(`{${JSON.stringify(this.#pick(evilKeys))}:${JSON.stringify(this.#value(depth - 1))}}`)
  }

  /** An object of the right types, with much missing and odd values: what validation has to bear. */
  #typedObject(kind: Kind): unknown {
    const { apiVersion, kind: kindName } = typeOf(kind)
    const metadata = this.#chance(0.8) ? { name: "fuzz", ...(kind.namespaced ? { namespace: "default" } : {}) } : {}
    const object = { ...(this.#typed({ ref: kind.type ?? "" }, 7) as object), apiVersion, kind: kindName }
    return this.#chance(0.9) ? { ...object, metadata } : object
  }

  #typed(field: FieldSchema, depth: number): unknown {
    if (this.#chance(0.03)) return null
    if (field.ref) {
      const schema = schemaSource(field.ref)
      if (field.ref.endsWith(".Quantity")) return this.#pick(["1", "100m", "1Gi", "-1", "1e3", 5])
      if (field.ref.endsWith(".IntOrString")) return this.#pick([0, 80, "50%", "http", -1])
      if (!schema || schema.type) return this.#scalar(schema?.type ?? "string", schema?.format)
      const result: Record<string, unknown> = {}
      if (depth <= 0) return result
      for (const [name, child] of Object.entries(schema.fields)) {
        if (this.#chance(schema.required?.includes(name) ? 0.9 : 0.4)) result[name] = this.#typed(child, depth - 1)
      }
      return result
    }
    if (field.type === "array") {
      const { items = {} } = field
      return Array.from({ length: Math.floor(this.#random() * 3) }, () => this.#typed(items, depth - 1))
    }
    if (field.type === "map")
      return { [this.#pick(["a", "a.b/c", ...evilKeys])]: this.#typed(field.values ?? {}, depth - 1) }
    return this.#scalar(field.type ?? "object", field.format)
  }

  #scalar(type: string, format: string | undefined): unknown {
    if (type === "boolean") return this.#chance(0.5)
    if (type === "integer") return this.#pick([0, 1, -1, 80, 65_536, 2 ** 31 - 1, -(2 ** 31)])
    if (type === "number") return this.#pick(evilNumbers)
    if (type !== "string") return this.#value(2)
    if (format === "date-time") return this.#pick(["2026-01-01T00:00:00Z", "1970-01-01T00:00:00.000001Z", null])
    if (format === "byte") return this.#pick(["", "eA=="])
    return this.#pick([
      "a",
      "1",
      "100m",
      "50%",
      "TCP",
      "Always",
      "a.b/c",
      "10.0.0.1",
      "10.0.0.0/8",
      "*/5 * * * *",
      ...evilTexts,
    ])
  }

  /** Puts a wrong value somewhere into an object. */
  #spoil(target: unknown): unknown {
    if (typeof target !== "object" || target === null || this.#chance(0.15)) return this.#value(3)
    const keys = Object.keys(target)
    if (keys.length === 0) return this.#value(2)
    const copy = (Array.isArray(target) ? [...target] : { ...target }) as Record<string, unknown>
    const key = this.#pick(keys)
    copy[key] = this.#spoil(copy[key])
    return copy
  }

  #body(kind: Kind): Buffer {
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", env: [{ name: "A" }] }] } }
    const selector = { matchLabels: { a: "b" }, matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }
    const object = {
      ...typeOf(kind),
      metadata: { name: "fuzz", labels: { a: "b" }, annotations: { c: "d" }, ownerReferences: [{ uid: "x" }] },
      spec: { ...template.spec, selector, template, ports: [{ port: 80 }], replicas: 1, rules: [{}], versions: [{}] },
      ...{ data: { a: "b" }, rules: [{ verbs: ["get"] }], subsets: [{}], endpoints: [{}], webhooks: [{}], items: [{}] },
      ...{ involvedObject: { name: "x" }, roleRef: { kind: "Role" }, status: { conditions: [{ type: "Ready" }] } },
    }
    const text = JSON.stringify(this.#spoil(this.#spoil(object)))
    const choice = this.#random()
    if (choice < 0.7) return Buffer.from(text)
    if (choice < 0.8) return Buffer.from(text.slice(0, Math.floor(text.length * this.#random())))
    if (choice < 0.85) return Buffer.from("[".repeat(20_000))
    if (choice < 0.9) return Buffer.from(`${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`)
    const noise = Buffer.from(Array.from({ length: 64 }, () => Math.floor(this.#random() * 256)))
    return choice < 0.95 ? noise : Buffer.concat([Buffer.from("k8s\0"), noise])
  }

  #path(kind: Kind): string {
    const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
    const namespace = kind.namespaced && this.#chance(0.9) ? "/namespaces/default" : ""
    const name = this.#chance(0.5)
      ? `/${this.#pick(["known", "none", "__proto__", "%00", "%zz", "..%2f..", "a%2fb", "%ff", "."])}`
      : ""
    const subresource =
      name && this.#chance(0.3)
        ? `/${this.#pick(["status", "scale", "log", "exec", "proxy", "eviction", "binding", "token", "__proto__", "x/y"])}`
        : ""
    const path = `${root}${namespace}/${kind.resource}${name}${subresource}`
    if (this.#chance(0.9)) return path
    // HTTP/2 itself ends a stream whose path does not begin with a slash.
    const cut = 1 + Math.floor((path.length - 1) * this.#random())
    return path.slice(0, cut) + this.#pick(["//", "/../", "/%2e%2e/", "/./", "%", "/__proto__", "/constructor"])
  }

  shot(): Shot {
    const kind = this.#pick(kinds)
    if (this.#chance(0.5)) return this.#create(kind)
    const method = this.#pick(methods)
    // A body that is right after all is not to be kept, a list not to become a watch.
    const query = ["dryRun=All", "watch=false"]
    while (this.#chance(0.4)) {
      query.push(`${this.#pick(parameters)}=${encodeURIComponent(this.#pick(parameterValues))}`)
    }
    const hasBody = method !== "GET" && method !== "HEAD" && method !== "TRACE" && this.#chance(0.9)
    return {
      method,
      path: `${this.#path(kind)}?${query.join("&")}`,
      headers: { accept: this.#chance(0.7) ? "*/*" : this.#pick(accepts), "content-type": this.#type(method) },
      ...(hasBody ? { body: this.#body(kind) } : {}),
    }
  }

  /** Right in all but the object. */
  #create(kind: Kind): Shot {
    return {
      method: "POST",
      path: `${collectionOf(kind)}?dryRun=All`,
      headers: { accept: this.#chance(0.8) ? "application/json" : tableType, "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(this.#typedObject(kind))),
    }
  }

  #type(method: string): string {
    if (this.#chance(0.3)) return this.#pick(types)
    return method === "PATCH" ? this.#pick(types.slice(3, 6)) : "application/json"
  }
}
