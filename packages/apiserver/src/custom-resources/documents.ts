import type { apiextensionsv1 } from "@ladya/api"
import type { JsonSchemaProps, TypeSchema } from "@ladya/apimachinery"
import { schemaOf, typeNameOf } from "./schemas.ts"

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

/** What API documents say of a definition's served versions: each kind and its list, by type name. */
export function publishedTypes(definition: apiextensionsv1.CustomResourceDefinition): Map<string, TypeSchema> {
  const types = new Map<string, TypeSchema>()
  const { spec } = definition
  if (!spec) return types
  for (const version of spec.versions) {
    if (!version.served) continue
    const { kind, listKind = `${kind}List` } = spec.names
    const name = typeNameOf(definition, version.name)
    const listName = `${name.slice(0, -kind.length)}${listKind}`
    const gvk: [string, string, string] = [spec.group, version.name, kind]
    types.set(name, {
      fields: { metadata: { ref: `${meta}ObjectMeta` } },
      gvk: [gvk],
      published: publishedSchema(schemaOf(version), gvk),
    })
    types.set(listName, {
      fields: {
        apiVersion: { type: "string" },
        items: { type: "array", items: { ref: name } },
        kind: { type: "string" },
        metadata: { ref: `${meta}ListMeta` },
      },
      required: ["items"],
      gvk: [[spec.group, version.name, listKind]],
    })
  }
  return types
}

function publishedSchema(schema: JsonSchemaProps, gvk: readonly [string, string, string]): Record<string, unknown> {
  const [group, version, kind] = gvk
  return { ...schema, type: "object", "x-kubernetes-group-version-kind": [{ group, version, kind }] }
}
