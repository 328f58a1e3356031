import type { SchemaSource } from "@ladya/apimachinery"
import type { Descriptions } from "./descriptions.ts"
import { patchTypes, producedTypes } from "./media-types.ts"
import { metaTypes, type Operation, type PathItem } from "./operations.ts"
import type { Parameter } from "./parameters.ts"
import { type JsonSchema, reachableTypes, refTo, typeSchema } from "./schemas.ts"

const codeTexts: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 202: "Accepted" }

function parameterObject(parameter: Parameter): JsonSchema {
  return {
    name: parameter.name,
    in: parameter.in,
    description: parameter.description,
    ...(parameter.in === "path" ? { required: true } : {}),
    schema: { type: parameter.type, uniqueItems: true },
  }
}

function contentOf(types: readonly string[], schema: JsonSchema): JsonSchema {
  return Object.fromEntries(types.map((type) => [type, { schema }]))
}

function operationObject(operation: Operation): JsonSchema {
  const answer = operation.answer ? refTo(operation.answer, 3) : { type: "string" }
  const { body } = operation
  return {
    tags: [operation.tag],
    description: operation.description,
    operationId: operation.id,
    ...(operation.query.length > 0 ? { parameters: operation.query.map(parameterObject) } : {}),
    ...(body
      ? {
          requestBody: {
            content: contentOf(body.form === "patch" ? patchTypes(operation) : ["*/*"], refTo(body.type, 3)),
            ...(body.form === "options" ? {} : { required: true }),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        operation.codes.map((code) => [
          String(code),
          { description: codeTexts[code], content: contentOf(producedTypes(operation), answer) },
        ]),
      ),
      "401": { description: "Unauthorized" },
    },
    ...(operation.action ? { "x-kubernetes-action": operation.action } : {}),
    ...(operation.gvk ? { "x-kubernetes-group-version-kind": gvkObject(operation.gvk) } : {}),
  }
}

const gvkObject = (gvk: { group: string; version: string; kind: string }): JsonSchema => ({
  group: gvk.group,
  kind: gvk.kind,
  version: gvk.version,
})

/** The types that the operations of these paths name. */
export function typesOf(items: readonly PathItem[]): Set<string> {
  const types = new Set<string>()
  for (const item of items) {
    for (const operation of Object.values(item.operations)) {
      if (operation.body) types.add(operation.body.type)
      if (operation.answer) types.add(operation.answer)
      if (operation.form === "stream") types.add(metaTypes.watchEvent)
    }
  }
  return types
}

/** An OpenAPI 3 document of these paths and every type they lead to. */
export function documentV3(
  items: readonly PathItem[],
  source: SchemaSource,
  descriptions: Descriptions,
  version: string,
): JsonSchema {
  return {
    openapi: "3.0.0",
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
    components: {
      schemas: Object.fromEntries(
        reachableTypes(typesOf(items), source).map((name) => [name, typeSchema(name, source, descriptions, 3)]),
      ),
      securitySchemes: {
        BearerToken: { type: "apiKey", description: "A bearer token.", name: "authorization", in: "header" },
      },
    },
  }
}
