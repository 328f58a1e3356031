import type { FieldSchema, SchemaSource, TypeSchema } from "@ladya/apimachinery"
import type { Descriptions } from "./descriptions.ts"
import { publishedSchema } from "./published-schema.ts"

export type JsonSchema = Record<string, unknown>

/** The version of OpenAPI a schema is written for: they differ in how types are referred to. */
export type OpenApiVersion = 2 | 3

const refPrefix: Readonly<Record<OpenApiVersion, string>> = { 2: "#/definitions/", 3: "#/components/schemas/" }

export const refTo = (type: string, version: OpenApiVersion): JsonSchema => ({ $ref: refPrefix[version] + type })

/** Names every type that these lead to, themselves included. */
export function reachableTypes(roots: Iterable<string>, source: SchemaSource): string[] {
  const found = new Set<string>()
  const visitField = (field: FieldSchema): void => {
    if (field.ref) visit(field.ref)
    if (field.items) visitField(field.items)
    if (field.values) visitField(field.values)
  }
  const visit = (type: string): void => {
    if (found.has(type)) return
    const schema = source(type)
    if (!schema) return
    found.add(type)
    for (const field of Object.values(schema.fields)) visitField(field)
  }
  for (const root of roots) visit(root)
  return [...found].sort()
}

function extensionsOf(field: FieldSchema): JsonSchema {
  return {
    ...(field.listMapKeys ? { "x-kubernetes-list-map-keys": field.listMapKeys } : {}),
    ...(field.listType ? { "x-kubernetes-list-type": field.listType } : {}),
    ...(field.mapType ? { "x-kubernetes-map-type": field.mapType } : {}),
    ...(field.patchMergeKey ? { "x-kubernetes-patch-merge-key": field.patchMergeKey } : {}),
    ...(field.patchStrategy ? { "x-kubernetes-patch-strategy": field.patchStrategy } : {}),
  }
}

function shapeOf(field: FieldSchema, version: OpenApiVersion, isNested: boolean): JsonSchema {
  if (field.ref) {
    // Beside a plain $ref nothing counts in OpenAPI 3: what else is said needs allOf.
    return version === 3 && !isNested ? { allOf: [refTo(field.ref, version)] } : refTo(field.ref, version)
  }
  switch (field.type) {
    case "array":
      return { type: "array", items: shapeOf(field.items ?? {}, version, true) }
    case "map":
      return { type: "object", additionalProperties: shapeOf(field.values ?? {}, version, true) }
    case undefined:
      return {}
    default:
      return { type: field.type, ...(field.format ? { format: field.format } : {}) }
  }
}

function fieldSchema(field: FieldSchema, description: string | undefined, version: OpenApiVersion): JsonSchema {
  const hasDefault = field.default !== undefined && !(version === 2 && field.ref)
  return {
    ...(description ? { description } : {}),
    ...shapeOf(field, version, false),
    ...(hasDefault ? { default: field.default } : {}),
    ...extensionsOf(field),
  }
}

/** Types whose JSON may be of several kinds. OpenAPI 2 has no oneOf: there a text stands for all. */
function alternatives(schema: TypeSchema, version: OpenApiVersion): JsonSchema {
  if (!schema.oneOf) return {}
  return version === 2 ? { type: "string" } : { oneOf: schema.oneOf.map((type) => ({ type })) }
}

/** The schema of one type. */
export function typeSchema(
  name: string,
  source: SchemaSource,
  descriptions: Descriptions,
  version: OpenApiVersion,
): JsonSchema {
  const schema = source(name)
  if (!schema) throw new Error(`no schema of type ${name}`)
  if (schema.published) {
    const metadata = refTo("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", version)
    return publishedSchema(schema.published, version, descriptions, metadata)
  }
  const texts = descriptions[name] ?? {}
  const description = texts[""]
  const head = description ? { description } : {}
  const fields = Object.entries(schema.fields)
  if (fields.length === 0) {
    return {
      ...head,
      ...(schema.type ? { type: schema.type } : {}),
      ...(schema.format ? { format: schema.format } : {}),
      ...alternatives(schema, version),
    }
  }
  const properties = Object.fromEntries(
    fields.map(([key, field]) => [key, fieldSchema(field, texts[key] ?? textOfType(field, descriptions), version)]),
  )
  return {
    ...head,
    type: "object",
    ...(schema.required ? { required: schema.required } : {}),
    properties,
    ...(schema.gvk
      ? { "x-kubernetes-group-version-kind": schema.gvk.map(([group, v, kind]) => ({ group, kind, version: v })) }
      : {}),
    ...(schema.mapType ? { "x-kubernetes-map-type": schema.mapType } : {}),
    ...(schema.unions ? { "x-kubernetes-unions": schema.unions } : {}),
  }
}

/**
 * What is said of a field that has no text of its own: the first sentence of its type's, without the type's name,
 * since clients show both: `PodSpec is a description of a pod.` gives `A description of a pod.`
 */
function textOfType(field: FieldSchema, descriptions: Descriptions): string | undefined {
  const text = field.ref ? descriptions[field.ref]?.[""] : undefined
  if (!field.ref || !text) return undefined
  const name = field.ref.slice(field.ref.lastIndexOf(".") + 1)
  const sentence = /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text
  const rest = sentence.startsWith(`${name} `) ? sentence.slice(name.length + 1).replace(/^(is|are) /, "") : sentence
  return rest.charAt(0).toUpperCase() + rest.slice(1)
}
