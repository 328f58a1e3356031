import type { SchemaSource, TypeSchema } from "@ladya/apimachinery"
import table from "./generated/schema.json" with { type: "json" }

const types = table as unknown as Readonly<Record<string, TypeSchema>>

/** The schemas of the built-in types, by full name (`io.k8s.api.core.v1.Pod`). */
export const schemaSource: SchemaSource = (typeName) => (Object.hasOwn(types, typeName) ? types[typeName] : undefined)

/** The full names of all built-in types, in the order of the table. */
export function schemaTypeNames(): string[] {
  return Object.keys(types)
}
