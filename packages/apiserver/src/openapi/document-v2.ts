import type { SchemaSource } from "@ladya/apimachinery"
import type { Descriptions } from "./descriptions.ts"
import { typesOf } from "./document-v3.ts"
import { patchTypes, producedTypes } from "./media-types.ts"
import type { Operation, PathItem } from "./operations.ts"
import type { Parameter } from "./parameters.ts"
import { type JsonSchema, reachableTypes, refTo, typeSchema } from "./schemas.ts"

const codeTexts: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 202: "Accepted" }

function parameterObject(parameter: Parameter): JsonSchema {
  return {
    uniqueItems: true,
    type: parameter.type,
    description: parameter.description,
    name: parameter.name,
    in: parameter.in,
    ...(parameter.in === "path" ? { required: true } : {}),
  }
}

function operationObject(operation: Operation): JsonSchema {
  const { body, gvk } = operation
  const schema = operation.answer ? refTo(operation.answer, 2) : { type: "string" }
  const bodyParameter = body
    ? [
        {
          name: "body",
          in: "body",
          ...(body.form === "options" ? {} : { required: true }),
          schema: refTo(body.type, 2),
        },
      ]
    : []
  const parameters = [...bodyParameter, ...operation.query.map(parameterObject)]
  return {
    description: operation.description,
    consumes: body?.form === "patch" ? patchTypes(operation) : ["*/*"],
    produces: producedTypes(operation),
    schemes: ["https"],
    tags: [operation.tag],
    operationId: operation.id,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses: {
      ...Object.fromEntries(operation.codes.map((code) => [String(code), { description: codeTexts[code], schema }])),
      "401": { description: "Unauthorized" },
    },
    ...(operation.action ? { "x-kubernetes-action": operation.action } : {}),
    ...(gvk ? { "x-kubernetes-group-version-kind": { group: gvk.group, kind: gvk.kind, version: gvk.version } } : {}),
  }
}

/** The OpenAPI 2 document of all paths and types. */
export function documentV2(
  items: readonly PathItem[],
  source: SchemaSource,
  descriptions: Descriptions,
  version: string,
): JsonSchema {
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version },
    paths: Object.fromEntries(
      items.map((item) => [
        item.path,
        {
          ...Object.fromEntries(
            Object.entries(item.operations).map(([method, operation]) => [method, operationObject(operation)]),
          ),
          ...(item.parameters.length > 0 ? { parameters: item.parameters.map(parameterObject) } : {}),
        },
      ]),
    ),
    definitions: Object.fromEntries(
      reachableTypes(typesOf(items), source).map((name) => [name, typeSchema(name, source, descriptions, 2)]),
    ),
    securityDefinitions: {
      BearerToken: { description: "A bearer token.", type: "apiKey", name: "authorization", in: "header" },
    },
    security: [{ BearerToken: [] }],
  }
}
