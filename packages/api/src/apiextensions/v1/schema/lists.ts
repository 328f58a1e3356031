import { fieldError, itemsOf, type JsonSchemaProps } from "@ladya/apimachinery"
import { checkSupported, type Errors } from "../../../validation/checks.ts"

/** How a schema says that lists and maps are merged. */
export function checkList(errors: Errors, schema: JsonSchemaProps, path: string): void {
  const listType = schema["x-kubernetes-list-type"]
  const mapType = schema["x-kubernetes-map-type"]
  const keys = schema["x-kubernetes-list-map-keys"] ?? []
  checkSupported(errors, `${path}.x-kubernetes-list-type`, listType, ["atomic", "map", "set"])
  checkSupported(errors, `${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"])
  if (listType && schema.type !== "array") {
    errors.push(
      fieldError.invalid(`${path}.type`, schema.type ?? "", "must be array if x-kubernetes-list-type is specified"),
    )
  }
  if (mapType && schema.type !== "object") {
    errors.push(
      fieldError.invalid(`${path}.type`, schema.type ?? "", "must be object if x-kubernetes-map-type is specified"),
    )
  }
  if (keys.length > 0 && listType !== "map") {
    const detail = "must be map if x-kubernetes-list-map-keys is non-empty"
    errors.push(fieldError.invalid(`${path}.x-kubernetes-list-type`, listType ?? null, detail))
  }
  const items = itemsOf(schema)
  if (listType === "set") checkSet(errors, items, path)
  if (listType === "map") checkMap(errors, items, keys, path)
}

function checkSet(errors: Errors, items: JsonSchemaProps | undefined, path: string): void {
  if (!items) return
  if (items.nullable) {
    errors.push(fieldError.forbidden(`${path}.items.nullable`, "cannot be nullable when x-kubernetes-list-type is set"))
  }
  const mapType = items["x-kubernetes-map-type"]
  if (items.type === "object" && mapType !== "atomic") {
    const detail = `must be atomic as item of a list with x-kubernetes-list-type=set`
    errors.push(fieldError.invalid(`${path}.items.x-kubernetes-map-type`, mapType ?? null, detail))
  }
  const listType = items["x-kubernetes-list-type"]
  if (items.type === "array" && listType !== undefined && listType !== "atomic") {
    const detail = `must be atomic as item of a list with x-kubernetes-list-type=set`
    errors.push(fieldError.invalid(`${path}.items.x-kubernetes-list-type`, listType, detail))
  }
}

function checkMap(errors: Errors, items: JsonSchemaProps | undefined, keys: readonly string[], path: string): void {
  const at = `${path}.x-kubernetes-list-map-keys`
  if (keys.length === 0) {
    errors.push(fieldError.required(at, "must not be empty if x-kubernetes-list-type is map"))
  }
  if (!items) return
  if (items.nullable) {
    errors.push(fieldError.forbidden(`${path}.items.nullable`, "cannot be nullable when x-kubernetes-list-type is map"))
  }
  if (items.type !== "object") {
    const detail = "must be object if parent array's x-kubernetes-list-type is map"
    errors.push(fieldError.invalid(`${path}.items.type`, items.type ?? "", detail))
  }
  const seen = new Set<string>()
  for (const [index, key] of keys.entries()) {
    const property = items.properties?.[key]
    if (seen.has(key)) errors.push(fieldError.duplicate(`${at}[${index}]`, key))
    seen.add(key)
    if (!property) {
      errors.push(fieldError.invalid(`${at}[${index}]`, key, "entries must all be names of item properties"))
      continue
    }
    if (property.type === "array" || property.type === "object") {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map"
      errors.push(fieldError.invalid(`${path}.items.properties[${key}].type`, property.type, detail))
    }
    if (property.nullable) {
      const detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
      errors.push(fieldError.forbidden(`${path}.items.properties[${key}].nullable`, detail))
    }
    if (property.default === undefined && !items.required?.includes(key)) {
      const detail =
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
      errors.push(fieldError.required(`${path}.items.properties[${key}].default`, detail))
    }
  }
}
