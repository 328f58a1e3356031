import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import fc from "fast-check"
import { encodeObject } from "../encoding.ts"
import { jsonSyntaxError } from "../json/syntax.ts"
import type { SchemaSource, TypeSchema } from "../schema.ts"
import { decodeObject, decodeRequestObject, decodeValue, type FieldValidation } from "./decode.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const types = JSON.parse(
  readFileSync(new URL("../../../api/src/generated/schema.json", import.meta.url), "utf8"),
) as Record<string, TypeSchema>
const source: SchemaSource = (name) => types[name]
const deployment = { group: "apps", version: "v1", kind: "Deployment", type: "io.k8s.api.apps.v1.Deployment" }
const pod = { group: "", version: "v1", kind: "Pod", type: "io.k8s.api.core.v1.Pod" }

const decodePod = (spec: unknown): Record<string, unknown> =>
  decodeValue(JSON.parse(JSON.stringify({ spec })), pod.type, source) as Record<string, unknown>

const messages: [string, string, FieldValidation][] = [
  [
    '{"spec":{"replicas":"5"}}',
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    "Ignore",
  ],
  [
    '{"spec":{"template":{"spec":{"containers":[{"image":5}]}}}}',
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image of type string',
    "Ignore",
  ],
  [
    '{"spec":[]}',
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec',
    "Ignore",
  ],
  [
    '{"spec":{"replicas":3000000000}}',
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32',
    "Ignore",
  ],
  [
    '{"metadata":{"labels":{"a":1}}}',
    'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
    "Ignore",
  ],
  [
    '{"spec":{"foo":1,"replicas":1,"replicas":2,"template":{"spec":{"containers":[{"bar":{"a":1,"a":2}}]}}}}',
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo", unknown field "spec.template.spec.containers[0].bar", duplicate field "spec.replicas"',
    "Strict",
  ],
  [
    '{"apiVersion":"apps/v1beta1"}',
    "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
    "Ignore",
  ],
  [
    "{",
    "the object provided is unrecognized (must be of type Deployment): couldn't get version/kind; json parse error: unexpected end of JSON input ({)",
    "Ignore",
  ],
  [
    '{"metadata":{"creationTimestamp":"yesterday"}}',
    'Deployment in version "v1" cannot be handled as a Deployment: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    "Ignore",
  ],
]

test("bodies that do not fit are refused in the API's words", () => {
  for (const [body, message, fieldValidation] of messages) {
    assert.throws(() => decodeRequestObject(body, deployment, source, { fieldValidation }), { message, code: 400 })
  }
})

test("unknown and repeated fields warn when asked to, and are dropped", () => {
  const warnings: string[] = []
  const object = decodeRequestObject('{"spec":{"foo":1},"spec":{"bar":2,"replicas":1}}', deployment, source, {
    fieldValidation: "Warn",
    warnings,
  })
  assert.deepEqual(warnings, ['unknown field "spec.bar"', 'duplicate field "spec"'])
  assert.deepEqual(object, { spec: { replicas: 1 }, kind: "Deployment", apiVersion: "apps/v1", metadata: {} })
})

test("values become canonical", () => {
  const spec = {
    containers: [
      {
        name: "a",
        command: [],
        resources: { limits: { cpu: 0.5, memory: "1024Mi" } },
        ports: [{ containerPort: 80, name: null }],
        livenessProbe: { httpGet: { port: "http" }, tcpSocket: { port: 80 } },
        env: [null],
      },
    ],
    nodeSelector: {},
    volumes: [{ name: "a", emptyDir: {} }],
  }
  assert.deepEqual(decodePod(spec), {
    spec: {
      containers: [
        {
          name: "a",
          resources: { limits: { cpu: "500m", memory: "1Gi" } },
          ports: [{ containerPort: 80 }],
          livenessProbe: { httpGet: { port: "http" }, tcpSocket: { port: 80 } },
          env: [{}],
        },
      ],
      volumes: [{ name: "a", emptyDir: {} }],
    },
  })
  const meta = decodeObject<unknown>(
    '{"metadata":{"creationTimestamp":"2024-01-01T02:00:00.5+02:00","labels":{"a":null,"constructor":"x"}}}',
    pod.type,
    source,
  )
  assert.deepEqual(meta, {
    metadata: { creationTimestamp: "2024-01-01T00:00:00Z", labels: { a: "", constructor: "x" } },
  })
})

test("bytes, quantities and ranges are checked", () => {
  const secret = "io.k8s.api.core.v1.Secret"
  assert.deepEqual(decodeObject<unknown>('{"data":{"a":"aGk=\\n"}}', secret, source), { data: { a: "aGk=" } })
  assert.throws(() => decodeObject('{"data":{"a":"aG?="}}', secret, source), /illegal base64 data at input byte 2/)
  assert.throws(() => decodeObject('{"data":{"a":"aGk"}}', secret, source), /illegal base64 data at input byte/)
  assert.throws(() => decodePod({ containers: [{ resources: { limits: { cpu: "x" } } }] }), /quantities must match/)
  assert.throws(() => decodePod({ terminationGracePeriodSeconds: 1.5 }), /number 1.5 into Go struct field PodSpec/)
  const large = decodeObject<{ spec: { terminationGracePeriodSeconds: number } }>(
    '{"spec":{"terminationGracePeriodSeconds":9223372036854775807}}',
    pod.type,
    source,
  )
  assert.ok(BigInt(JSON.stringify(large.spec.terminationGracePeriodSeconds)) < 2n ** 63n)
})

test("hostile bodies do no harm", () => {
  const body =
    '{"__proto__":{"a":1},"metadata":{"labels":{"__proto__":"x","b":"c"},"managedFields":[{"fieldsV1":{"__proto__":{"z":1},"y":{}}}]}}'
  const object = decodeObject(body, pod.type, source)
  assert.equal(JSON.stringify(object), '{"metadata":{"labels":{"b":"c"},"managedFields":[{"fieldsV1":{"y":{}}}]}}')
  assert.equal(Object.getPrototypeOf(object), Object.prototype)
  const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`
  assert.throws(() => decodeRequestObject(deep, pod, source), /exceeded max depth/)
  assert.throws(() => decodeObject(`{"metadata":{"managedFields":[{"fieldsV1":{"a":1e999}}]}}`, pod.type, source))
})

test("recursive types decode", () => {
  const schema = { type: "object", properties: { a: { items: { type: "string" } }, b: { items: [{ type: "x" }] } } }
  const type = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
  assert.deepEqual(decodeValue(structuredClone(schema), type, source), schema)
})

const syntax: [string, string][] = [
  ["", "unexpected end of JSON input"],
  ["{x", "invalid character 'x' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"', `invalid character '"' after object key:value pair`],
  ["[1 2]", "invalid character '2' after array element"],
  ["tru ", "invalid character ' ' in literal true (expecting 'e')"],
  ["1.x", "invalid character 'x' after decimal point in numeric literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ["{} {}", "invalid character '{' after top-level value"],
  ["kind: Pod", "invalid character 'k' looking for beginning of value"],
]

test("syntax errors are told in the API's words", () => {
  for (const [text, message] of syntax) assert.equal(jsonSyntaxError(text), message, text)
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.equal(jsonSyntaxError(text), undefined)
    }),
  )
})

test("decoding is idempotent on any JSON under the type", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("spec", "metadata", "x"), fc.jsonValue()), (value) => {
      let once: unknown
      try {
        once = decodeValue(structuredClone(value), pod.type, source)
      } catch {
        return
      }
      assert.deepEqual(decodeValue(structuredClone(once), pod.type, source), once)
    }),
  )
})

test("objects are encoded kind first", () => {
  assert.equal(
    encodeObject({ metadata: { name: "a" }, apiVersion: "v1", kind: "Pod" }),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}',
  )
})
