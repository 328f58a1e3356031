import type { JsonSchema } from "../schemas.ts"
import { any, arrayOf, extensions, named, objectOf, type Write } from "./values.ts"
import { ProtobufWriter } from "./writer.ts"

/**
 * Writes an OpenAPI 3 document in the protobuf form of gnostic (package openapi.v3), which client-go reads.
 * The numbers are the field numbers of its messages.
 */
export function encodeGnosticV3(document: JsonSchema): Buffer {
  const writer = new ProtobufWriter()
  writer.string(1, document["openapi"])
  writer.message(2, (info) => {
    const of = objectOf(document["info"])
    info.string(1, of["title"]).string(2, of["description"]).string(6, of["version"])
  })
  writer.message(4, (paths) => named(paths, 1, document["paths"], pathItem))
  writer.message(5, (components) => {
    const of = objectOf(document["components"])
    components.message(1, (schemas) => named(schemas, 1, of["schemas"], schemaOrReference))
    if (of["securitySchemes"]) {
      components.message(7, (schemes) => named(schemes, 1, of["securitySchemes"], orReference(securityScheme)))
    }
  })
  return writer.finish()
}

/** What may stand there itself or be referred to. */
function orReference(write: (writer: ProtobufWriter, of: JsonSchema) => unknown): Write {
  return (writer, value) => {
    const of = objectOf(value)
    if (typeof of["$ref"] === "string") writer.message(2, (reference) => reference.string(1, of["$ref"]))
    else writer.message(1, (inner) => write(inner, of))
  }
}

function securityScheme(writer: ProtobufWriter, of: JsonSchema): void {
  writer.string(1, of["type"]).string(2, of["description"]).string(3, of["name"]).string(4, of["in"])
}

const methods: readonly (readonly [string, number])[] = [
  ["get", 4],
  ["put", 5],
  ["post", 6],
  ["delete", 7],
  ["options", 8],
  ["head", 9],
  ["patch", 10],
]

function pathItem(writer: ProtobufWriter, value: unknown): void {
  const of = objectOf(value)
  for (const [method, field] of methods) {
    if (of[method]) writer.message(field, (inner) => operation(inner, objectOf(of[method])))
  }
  for (const entry of arrayOf(of["parameters"])) writer.message(13, (inner) => parameterOrReference(inner, entry))
}

function operation(writer: ProtobufWriter, of: JsonSchema): void {
  writer.strings(1, of["tags"]).string(3, of["description"]).string(5, of["operationId"])
  for (const entry of arrayOf(of["parameters"])) writer.message(6, (inner) => parameterOrReference(inner, entry))
  if (of["requestBody"]) writer.message(7, (inner) => requestBodyOrReference(inner, of["requestBody"]))
  writer.message(8, (responses) => named(responses, 2, of["responses"], responseOrReference))
  writer.boolean(10, of["deprecated"])
  extensions(writer, 13, of)
}

const content = (writer: ProtobufWriter, field: number, of: JsonSchema): void => {
  if (!of["content"]) return
  writer.message(field, (types) => named(types, 1, of["content"], mediaType))
}

function mediaType(writer: ProtobufWriter, value: unknown): void {
  const { schema } = objectOf(value) as { schema?: unknown }
  if (schema) writer.message(1, (inner) => schemaOrReference(inner, schema))
}

const parameterOrReference = orReference((writer, of) => {
  writer.string(1, of["name"]).string(2, of["in"]).string(3, of["description"]).boolean(4, of["required"])
  if (of["schema"]) writer.message(10, (inner) => schemaOrReference(inner, of["schema"]))
})

const requestBodyOrReference = orReference((writer, of) => {
  writer.string(1, of["description"])
  content(writer, 2, of)
  writer.boolean(3, of["required"])
})

const responseOrReference = orReference((writer, of) => {
  writer.string(1, of["description"])
  content(writer, 3, of)
})

const schemaOrReference = orReference(schema)

function schema(writer: ProtobufWriter, of: JsonSchema): void {
  limits(writer, of)
  writer.strings(23, of["required"])
  for (const value of arrayOf(of["enum"])) writer.message(24, (inner) => any(inner, value))
  writer.string(25, of["type"])
  for (const [name, field] of alternatives) {
    for (const entry of arrayOf(of[name])) writer.message(field, (inner) => schemaOrReference(inner, entry))
  }
  if (of["not"]) writer.message(29, (inner) => schema(inner, objectOf(of["not"])))
  if (of["items"]) writer.message(30, (item) => item.message(1, (inner) => schemaOrReference(inner, of["items"])))
  if (of["properties"]) {
    writer.message(31, (properties) => named(properties, 1, of["properties"], schemaOrReference))
  }
  const { additionalProperties } = of as { additionalProperties?: unknown }
  if (additionalProperties === true) writer.message(32, (item) => item.boolean(2, true))
  else if (additionalProperties) {
    writer.message(32, (item) => item.message(1, (inner) => schemaOrReference(inner, additionalProperties)))
  }
  defaultValue(writer, of["default"])
  writer.string(34, of["description"]).string(35, of["format"])
  extensions(writer, 36, of)
}

const alternatives = [
  ["allOf", 26],
  ["oneOf", 27],
  ["anyOf", 28],
] as const

function limits(writer: ProtobufWriter, of: JsonSchema): void {
  writer.boolean(1, of["nullable"]).boolean(8, of["deprecated"]).string(9, of["title"])
  writer.double(10, of["multipleOf"]).double(11, of["maximum"]).boolean(12, of["exclusiveMaximum"])
  writer.double(13, of["minimum"]).boolean(14, of["exclusiveMinimum"])
  writer.integer(15, of["maxLength"]).integer(16, of["minLength"]).string(17, of["pattern"])
  writer.integer(18, of["maxItems"]).integer(19, of["minItems"]).boolean(20, of["uniqueItems"])
  writer.integer(21, of["maxProperties"]).integer(22, of["minProperties"])
}

/** The form has room for scalars only. */
function defaultValue(writer: ProtobufWriter, value: unknown): void {
  if (typeof value === "number") writer.message(33, (inner) => inner.double(1, value))
  else if (typeof value === "boolean") writer.message(33, (inner) => inner.boolean(2, value))
  else if (typeof value === "string") writer.message(33, (inner) => inner.string(3, value))
}
