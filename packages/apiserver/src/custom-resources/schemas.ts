import type { apiextensionsv1 } from "@ladya/api"
import type { JsonSchemaProps } from "@ladya/apimachinery"

/** The schema of a version. */
export function schemaOf(version: apiextensionsv1.CustomResourceDefinitionVersion): JsonSchemaProps {
  return (version.schema?.openAPIV3Schema ?? { type: "object" }) as JsonSchemaProps
}

/** `com.example.v1.Thing`: the name that API documents give the type. */
export function typeNameOf(definition: apiextensionsv1.CustomResourceDefinition, version: string): string {
  const group = definition.spec?.group.split(".").reverse().join(".") ?? ""
  return `${group}.${version}.${definition.spec?.names.kind ?? ""}`
}
