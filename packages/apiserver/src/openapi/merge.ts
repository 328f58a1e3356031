import { semanticEqual } from "@ladya/apimachinery"
import type { JsonSchema } from "./schemas.ts"

/** What other servers say of their group versions. A new object whenever that changes. */
export interface RemoteOpenApi {
  /** OpenAPI 3 documents by the key of the index: `apis/GROUP/VERSION`. */
  readonly parts: ReadonlyMap<string, JsonSchema>
  /** OpenAPI 2 documents with nothing but their own paths. */
  readonly v2: readonly JsonSchema[]
}

export const noRemoteOpenApi: RemoteOpenApi = { parts: new Map(), v2: [] }

type Parts = Record<string, JsonSchema>
const of = (document: JsonSchema, key: string): Parts => (document[key] ?? {}) as Parts

/** An OpenAPI 2 document with the paths and types of others. Of two types of one name that differ the later is renamed. */
export function mergeV2(own: JsonSchema, others: readonly JsonSchema[]): JsonSchema {
  const paths = { ...of(own, "paths") }
  const definitions = { ...of(own, "definitions") }
  for (const other of others) {
    const renamed = new Map<string, string>()
    for (const [name, schema] of Object.entries(of(other, "definitions"))) {
      if (isShared(name, definitions) || semanticEqual(definitions[name], schema)) continue
      renamed.set(name, freeName(name, definitions))
    }
    for (const [name, to] of renamed) definitions[to] = renameRefs(of(other, "definitions")[name] ?? {}, renamed)
    for (const [path, item] of Object.entries(of(other, "paths"))) paths[path] ??= renameRefs(item, renamed)
  }
  return { ...own, paths, definitions }
}

/** The machinery's own types are the same everywhere, but for their texts. */
const isShared = (name: string, definitions: Parts): boolean =>
  name.startsWith("io.k8s.apimachinery.") && definitions[name] !== undefined

function freeName(name: string, definitions: Parts): string {
  if (!definitions[name]) return name
  for (let number = 2; ; number++) if (!definitions[`${name}_v${number}`]) return `${name}_v${number}`
}

function renameRefs(value: JsonSchema, renamed: ReadonlyMap<string, string>): JsonSchema {
  const prefix = "#/definitions/"
  return mapRefs(value, (ref) => {
    const name = ref.slice(prefix.length)
    return ref.startsWith(prefix) ? prefix + (renamed.get(name) ?? name) : ref
  })
}

function mapRefs<T>(value: T, change: (ref: string) => string): T {
  if (Array.isArray(value)) return value.map((one: unknown) => mapRefs(one, change)) as T
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string" ? change(inner) : mapRefs<unknown>(inner, change),
    ]),
  ) as T
}

/** What of an OpenAPI 2 document is about one group version: its paths, and the types they lead to. */
export function onlyBelow(document: JsonSchema, root: string): JsonSchema {
  const paths = Object.fromEntries(
    Object.entries(of(document, "paths")).filter(([path]) => path === root || path.startsWith(`${root}/`)),
  )
  const all = of(document, "definitions")
  const definitions: Parts = {}
  const visit = (value: unknown): void => {
    mapRefs(value, (ref) => {
      const name = ref.slice("#/definitions/".length)
      const found = all[name]
      if (found && !definitions[name]) {
        definitions[name] = found
        visit(found)
      }
      return ref
    })
  }
  visit(paths)
  // Types that no path names are found by their group, version and kind.
  for (const [name, schema] of Object.entries(all)) {
    const kinds = schema["x-kubernetes-group-version-kind"] as { group?: string; version?: string }[] | undefined
    if (!kinds?.some(({ group, version }) => root === `/apis/${group}/${version}`) || definitions[name]) continue
    definitions[name] = schema
    visit(schema)
  }
  return { ...document, paths, definitions }
}

const methods = new Set(["get", "put", "post", "delete", "options", "head", "patch"])

/** The same document as OpenAPI 3: of servers that know only the second. */
export function toV3(document: JsonSchema): JsonSchema {
  const toComponents = <T>(value: T): T =>
    mapRefs(value, (ref) => ref.replace("#/definitions/", "#/components/schemas/"))
  const paths = Object.fromEntries(
    Object.entries(of(document, "paths")).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([key, value]) => [
          key,
          methods.has(key)
            ? operationV3(toComponents(value as JsonSchema))
            : key === "parameters"
              ? (value as JsonSchema[]).map(parameterV3)
              : value,
        ]),
      ),
    ]),
  )
  return {
    openapi: "3.0.0",
    info: document["info"] ?? { title: "Kubernetes" },
    paths,
    components: { schemas: toComponents(of(document, "definitions")) },
  }
}

const schemaKeys = ["type", "format", "items", "default", "maximum", "minimum", "pattern", "enum", "uniqueItems"]

function parameterV3(parameter: JsonSchema): JsonSchema {
  const schema = Object.fromEntries(schemaKeys.filter((key) => key in parameter).map((key) => [key, parameter[key]]))
  const rest = Object.fromEntries(Object.entries(parameter).filter(([key]) => !schemaKeys.includes(key)))
  return { ...rest, schema }
}

function operationV3({ consumes, produces, schemes, parameters, responses, ...rest }: JsonSchema): JsonSchema {
  const all = (parameters ?? []) as JsonSchema[]
  const body = all.find((parameter) => parameter["in"] === "body")
  const content = (types: unknown, schema: unknown): JsonSchema =>
    Object.fromEntries(((types ?? ["*/*"]) as string[]).map((type) => [type, { schema }]))
  void schemes
  return {
    ...rest,
    ...(all.length > (body ? 1 : 0) ? { parameters: all.filter((one) => one !== body).map(parameterV3) } : {}),
    ...(body
      ? { requestBody: { content: content(consumes, body["schema"]), ...(body["required"] ? { required: true } : {}) } }
      : {}),
    responses: Object.fromEntries(
      Object.entries((responses ?? {}) as Parts).map(([code, { schema, ...response }]) => [
        code,
        { ...response, ...(schema ? { content: content(produces, schema) } : {}) },
      ]),
    ),
  }
}
