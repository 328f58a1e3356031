import type { JsonSchema } from "../schemas.ts"
import { any, arrayOf, extensions, named, objectOf } from "./values.ts"
import { ProtobufWriter } from "./writer.ts"

/**
 * Writes an OpenAPI 2 document in the protobuf form of gnostic (package openapi.v2), which client-go reads.
 * The numbers are the field numbers of its messages.
 */
export function encodeGnosticV2(document: JsonSchema): Buffer {
  const writer = new ProtobufWriter()
  writer.string(1, document["swagger"])
  writer.message(2, (info) => {
    const of = objectOf(document["info"])
    info.string(1, of["title"]).string(2, of["version"])
  })
  writer.message(8, (paths) => {
    named(paths, 2, document["paths"], pathItem)
  })
  writer.message(9, (definitions) => {
    named(definitions, 1, document["definitions"], schema)
  })
  for (const requirement of arrayOf(document["security"])) {
    writer.message(12, (inner) => {
      named(inner, 1, requirement, (target, scopes) => target.strings(1, scopes))
    })
  }
  writer.message(13, (definitions) => {
    named(definitions, 1, document["securityDefinitions"], (item, value) => {
      const of = objectOf(value)
      item.message(2, (key) =>
        key.string(1, of["type"]).string(2, of["name"]).string(3, of["in"]).string(4, of["description"]),
      )
    })
  })
  return writer.finish()
}

const methods: readonly (readonly [string, number])[] = [
  ["get", 2],
  ["put", 3],
  ["post", 4],
  ["delete", 5],
  ["options", 6],
  ["head", 7],
  ["patch", 8],
]

function pathItem(writer: ProtobufWriter, value: unknown): void {
  const of = objectOf(value)
  for (const [method, field] of methods) {
    if (of[method]) writer.message(field, (inner) => operation(inner, objectOf(of[method])))
  }
  for (const entry of arrayOf(of["parameters"])) writer.message(9, (inner) => parameterItem(inner, objectOf(entry)))
}

function operation(writer: ProtobufWriter, of: JsonSchema): void {
  writer
    .strings(1, of["tags"])
    .string(3, of["description"])
    .string(5, of["operationId"])
    .strings(6, of["produces"])
    .strings(7, of["consumes"])
  for (const entry of arrayOf(of["parameters"])) writer.message(8, (inner) => parameterItem(inner, objectOf(entry)))
  writer.message(9, (responses) => {
    named(responses, 1, of["responses"], (target, value) =>
      target.message(1, (answer) => response(answer, objectOf(value))),
    )
  })
  writer.strings(10, of["schemes"])
  extensions(writer, 13, of)
}

function response(writer: ProtobufWriter, of: JsonSchema): void {
  writer.string(1, of["description"])
  if (of["schema"]) writer.message(2, (item) => item.message(1, (inner) => schema(inner, of["schema"])))
}

function parameterItem(writer: ProtobufWriter, of: JsonSchema): void {
  writer.message(1, (parameter) => {
    if (of["in"] === "body") {
      parameter.message(1, (body) => {
        body.string(1, of["description"]).string(2, of["name"]).string(3, of["in"]).boolean(4, of["required"])
        body.message(5, (inner) => schema(inner, of["schema"]))
      })
      return
    }
    const isQuery = of["in"] === "query"
    parameter.message(2, (nonBody) => {
      // Query parameters have one field more than path parameters, before the type.
      nonBody.message(isQuery ? 3 : 4, (sub) => {
        sub.boolean(1, of["required"]).string(2, of["in"]).string(3, of["description"]).string(4, of["name"])
        sub.string(isQuery ? 6 : 5, of["type"]).boolean(isQuery ? 20 : 19, of["uniqueItems"])
      })
    })
  })
}

function schema(writer: ProtobufWriter, value: unknown): void {
  const of = objectOf(value)
  writer.string(1, of["$ref"]).string(2, of["format"]).string(4, of["description"])
  if (of["default"] !== undefined) writer.message(5, (inner) => any(inner, of["default"]))
  writer.strings(19, of["required"])
  if (of["additionalProperties"]) {
    writer.message(21, (item) => item.message(1, (inner) => schema(inner, of["additionalProperties"])))
  }
  if (of["type"]) writer.message(22, (item) => item.strings(1, [of["type"]]))
  if (of["items"]) writer.message(23, (item) => item.message(1, (inner) => schema(inner, of["items"])))
  if (of["properties"]) {
    writer.message(25, (properties) => {
      named(properties, 1, of["properties"], schema)
    })
  }
  extensions(writer, 31, of)
}
