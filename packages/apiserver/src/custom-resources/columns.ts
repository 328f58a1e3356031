import { ageColumn, ageOf, type apiextensionsv1, type Column, nameColumn } from "@ladya/api"
import { compileJsonPath, type KubeObject } from "@ladya/apimachinery"

type Definition = apiextensionsv1.CustomResourceColumnDefinition

const types = new Set(["string", "integer", "number", "boolean", "date"])

/** The columns that a CustomResourceDefinition's version asks for, behind the name; the age alone unless told. */
export function customColumns(definitions: readonly Definition[] | undefined): readonly Column[] {
  if (!definitions || definitions.length === 0) return [nameColumn, ageColumn]
  return [nameColumn, ...definitions.map(customColumn)]
}

function customColumn(definition: Definition): Column {
  const find = compileJsonPath(definition.jsonPath)
  const type = (types.has(definition.type) ? definition.type : "string") as Column["type"]
  return {
    name: definition.name,
    type,
    ...(definition.priority ? { priority: 1 } : {}),
    cell: (object: KubeObject, now: number) => cellOf(type, find?.(object) ?? [], now),
  }
}

function cellOf(type: Column["type"], found: readonly unknown[], now: number): string | number {
  const value = found[0]
  if (value === undefined || value === null) return type === "date" ? "" : (null as unknown as string)
  switch (type) {
    case "integer":
    case "number":
      return typeof value === "number" ? (type === "integer" ? Math.trunc(value) : value) : (null as unknown as string)
    case "date":
      return typeof value === "string" ? ageOf(value, now) : "<invalid>"
    case "boolean":
      return typeof value === "boolean" ? (value as unknown as string) : (null as unknown as string)
    default:
      return typeof value === "object" ? JSON.stringify(found.length > 1 ? found : value) : String(value)
  }
}
