import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import fc from "fast-check"
import { formatMicroTime, formatTime } from "../objects/time.ts"
import type { FieldSchema, SchemaSource, TypeSchema } from "../schema.ts"
import {
  itemHeadLength,
  protobufBody,
  protobufListHead,
  protobufTail,
  protobufWatchFrame,
  writeItemHead,
  writeProtobuf,
} from "./encode.ts"
import { openProtobuf, protobufBodyValue, readProtobuf } from "./envelope.ts"
import { zeroMeansAbsent } from "./field-rules.ts"
import { type InlinedFields, type MessageField, messageFields, schemaProps, shortName } from "./message-fields.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const types = JSON.parse(
  readFileSync(new URL("../../../api/src/generated/schema.json", import.meta.url), "utf8"),
) as Record<string, TypeSchema>
const source: SchemaSource = (name) => types[name]
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
  fc.string({ minLength: 1, maxLength: 60, unit: "grapheme-ascii" }),
)
const key = fc.string({ minLength: 1, maxLength: 8 }).filter((name) => name !== "__proto__")
const json = fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null)
// Seconds of the years 1970 to 2100; 0 too, which is no absent time.
const seconds = fc.integer({ min: 0, max: 4_102_444_800 })

/** Values of types whose JSON is not an object of their fields. */
const special: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": fc.constantFrom("0", "100m", "1Gi", "-3", "15e3"),
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": fc.oneof(fc.integer(), text),
  "io.k8s.apimachinery.pkg.runtime.RawExtension": fc.dictionary(key, json),
  "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": json,
  [`${meta}FieldsV1`]: fc.dictionary(key, fc.constant({})),
  [`${meta}Time`]: seconds.map((at) => formatTime(at * 1000)),
  [`${meta}MicroTime`]: fc
    .tuple(seconds, fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 999 }))
    .map(([at, ms, us]) => formatMicroTime(at * 1000 + ms).replace(/\d{3}Z$/, `${String(us).padStart(3, "0")}Z`)),
}

function ofType(typeName: string, depth: number): fc.Arbitrary<unknown> {
  const known = special[typeName]
  if (known) return known
  if (typeName.startsWith(schemaProps) && typeName !== schemaProps) {
    const schema = ofType(schemaProps, depth - 1)
    if (typeName.endsWith("OrBool")) return fc.oneof(fc.boolean(), schema)
    return fc.oneof(schema, fc.array(typeName.endsWith("OrArray") ? schema : text, { minLength: 1, maxLength: 2 }))
  }
  return ofFields(typeName, messageFields(typeName, source), depth)
}

/** Any of the fields, the inlined ones among them. Deep down nothing more: types refer to themselves. */
function ofFields(
  typeName: string,
  all: readonly (MessageField | InlinedFields)[],
  depth: number,
): fc.Arbitrary<object> {
  if (depth <= 0) return fc.constant({})
  const parts = all.map((field): fc.Arbitrary<object> => {
    if ("inlined" in field) return ofFields(typeName, field.inlined, depth)
    return fc
      .option(ofField(typeName, field, depth), { freq: 2 })
      .map((value) => (value === null ? {} : { [field.name]: value }))
  })
  return fc.tuple(...parts).map((made) => Object.assign({}, ...made) as object)
}

function ofField(typeName: string, { name, field }: MessageField, depth: number): fc.Arbitrary<unknown> {
  // What Go sends although it was never set stands for nothing: no value of a round trip.
  if (zeroMeansAbsent(shortName(typeName), name)) {
    return field.type === "boolean" ? fc.constant(true) : integer(field).filter((value) => value !== 0)
  }
  return ofValue(field, depth)
}

function integer(field: FieldSchema): fc.Arbitrary<number> {
  return field.format === "int64" ? fc.maxSafeInteger() : fc.integer()
}

function ofValue(field: FieldSchema, depth: number): fc.Arbitrary<unknown> {
  if (field.ref) return ofType(field.ref, depth - 1)
  switch (field.type) {
    case "string":
      return field.format === "byte"
        ? fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("base64"))
        : text
    case "integer":
      return integer(field)
    case "boolean":
      return fc.boolean()
    case "number":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0))
    case "array":
      return fc.array(ofValue(field.items ?? {}, depth), { minLength: 1, maxLength: 2 })
    case "map":
      return fc.dictionary(key, ofValue(field.values ?? {}, depth), { minKeys: 1, maxKeys: 2 })
    default:
      throw new Error("a field of no known type")
  }
}

const kinds = Object.entries(types).flatMap(([type, { gvk }]) => {
  const [first] = gvk ?? []
  return first ? [{ type, kind: first[2], apiVersion: first[0] ? `${first[0]}/${first[1]}` : first[1] }] : []
})

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test("every kind comes back as it went", () => {
  assert.ok(kinds.length > 150)
  for (const { type, kind, apiVersion } of kinds) {
    fc.assert(
      fc.property(ofType(type, 8), (value) => {
        const object = { kind, apiVersion, ...(value as object) }
        const bytes = protobufBody(object, type, source)
        const read = protobufBodyValue(bytes, { kind, type }, source)
        assert.deepEqual(plain(read), plain(object))
        const again = protobufBody(read, type, source)
        assert.equal(again.length, bytes.length)
        assert.deepEqual(plain(protobufBodyValue(again, { kind, type }, source)), plain(object))
      }),
      { numRuns: 8 },
    )
  }
})

test("types of the wire alone come back too", () => {
  for (const [name, { protobufOnly }] of Object.entries(types)) {
    // What is an envelope, or no message of its own.
    if (!protobufOnly || name.includes(".runtime.")) continue
    fc.assert(
      fc.property(ofType(name, 5), (value) => {
        assert.deepEqual(plain(readProtobuf(writeProtobuf(value, name, source), name, source)), plain(value))
      }),
      { numRuns: 5 },
    )
  }
})

test("a list made of parts is the list made at once", () => {
  const pod = "io.k8s.api.core.v1.Pod"
  const items = [1, 100, 200, 20_000].map((count) => ({
    metadata: { name: "x".repeat(count) },
    spec: { nodeName: "n" },
  }))
  const list = { kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "7", remainingItemCount: 5 } }
  const parts = items.map((item) => {
    const bytes = writeProtobuf(item, pod, source)
    const part = Buffer.alloc(itemHeadLength(bytes.length) + bytes.length)
    assert.equal(writeItemHead(part, 0, bytes.length), part.length - bytes.length)
    part.set(bytes, part.length - bytes.length)
    return part
  })
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const body = Buffer.concat([protobufListHead(list, length, source), ...parts, protobufTail])
  const target = { kind: "PodList", type: `${pod}List` }
  assert.deepEqual(protobufBodyValue(body, target, source), { ...list, items })
  const whole = protobufBody({ ...list, items }, target.type, source)
  assert.equal(body.length, whole.length)
  assert.deepEqual(protobufBodyValue(whole, target, source), { ...list, items })
})

test("an event of a watch holds the whole body of its object", () => {
  const message = writeProtobuf({ metadata: { name: "a" } }, "io.k8s.api.core.v1.Pod", source)
  const frame = Buffer.from(protobufWatchFrame({ type: "ADDED", kind: "Pod", apiVersion: "v1", message }))
  assert.equal(frame.readUInt32BE(0), frame.length - 4)
  const inner = frame.indexOf("k8s\0")
  const { kind, apiVersion, raw } = openProtobuf(frame.subarray(inner))
  assert.deepEqual([kind, apiVersion, Buffer.from(raw)], ["Pod", "v1", Buffer.from(message)])
})

test("what nobody set is not sent, what was set to nothing is", () => {
  const container = "io.k8s.api.core.v1.Container"
  assert.equal(writeProtobuf({ image: undefined, args: null, env: [] }, container, source).length, 0)
  assert.deepEqual([...writeProtobuf({ args: ["", "x"] }, container, source)], [0x22, 0, 0x22, 1, 0x78])
  assert.deepEqual([...writeProtobuf({ emptyDir: {} }, "io.k8s.api.core.v1.Volume", source)], [0x12, 2, 0x12, 0])
})

test("times of other zones and forms are the same moment", () => {
  const write = (time: string): unknown =>
    readProtobuf(writeProtobuf({ creationTimestamp: time }, `${meta}ObjectMeta`, source), `${meta}ObjectMeta`, source)
  assert.deepEqual(write("2024-03-01T01:00:00+02:00"), { creationTimestamp: "2024-02-29T23:00:00Z" })
  assert.deepEqual(write("2024-02-29T23:00:00.75Z"), { creationTimestamp: "2024-02-29T23:00:00Z" })
  assert.deepEqual(write("1969-12-31T23:59:59Z"), { creationTimestamp: "1969-12-31T23:59:59Z" })
  assert.deepEqual(write("nonsense"), {})
})
