import type { Descriptions } from "./descriptions.ts"
import type { JsonSchema, OpenApiVersion } from "./schemas.ts"

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Keywords that OpenAPI 2 does not have. */
const newer = ["oneOf", "anyOf", "allOf", "not", "nullable", "x-kubernetes-validations"]

/** Changes a schema and everything below it that is a schema, from the leaves up. */
function mapped(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const next: JsonSchema = { ...schema }
  for (const name of ["items", "additionalProperties", "not"]) {
    const inner = schema[name]
    if (isSchema(inner)) next[name] = mapped(inner, change)
  }
  const { properties } = schema
  if (isSchema(properties)) {
    next["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, inner]) => [name, isSchema(inner) ? mapped(inner, change) : inner]),
    )
  }
  return change(next)
}

/** What OpenAPI 2 can say of it: clients that check by it must not refuse what the server takes. */
function inVersion2(schema: JsonSchema): JsonSchema {
  const next = { ...schema }
  if (schema["nullable"]) for (const name of ["type", "items", "properties"]) delete next[name]
  if (schema["x-kubernetes-preserve-unknown-fields"]) for (const name of ["items", "properties"]) delete next[name]
  for (const name of newer) delete next[name]
  return next
}

const fallback = {
  apiVersion: "APIVersion defines the schema, by its version, that this object is written in.",
  kind: "Kind is the name of the type of this object, in CamelCase. It does not change.",
  metadata: "Standard object's metadata.",
}

/** The schema of a custom resource as API documents show it: with what every object has. */
export function publishedSchema(
  published: JsonSchema,
  version: OpenApiVersion,
  descriptions: Descriptions,
  metadata: JsonSchema,
): JsonSchema {
  const texts = { ...fallback, ...descriptions["io.k8s.api.core.v1.ConfigMap"] }
  const common = {
    apiVersion: { description: texts.apiVersion, type: "string" },
    kind: { description: texts.kind, type: "string" },
    metadata: { description: texts.metadata, ...(version === 3 ? { allOf: [metadata] } : metadata) },
  }
  const withCommon = (schema: JsonSchema): JsonSchema => ({
    ...schema,
    properties: { ...(schema["properties"] as JsonSchema | undefined), ...common },
  })
  const embedded = (schema: JsonSchema): JsonSchema => {
    if (!schema["x-kubernetes-embedded-resource"]) return schema
    const required = new Set([...((schema["required"] as string[] | undefined) ?? []), "kind", "apiVersion"])
    return { ...withCommon(schema), required: [...required] }
  }
  const base = version === 2 ? mapped(published, inVersion2) : published
  return withCommon(mapped(base, embedded))
}
