import { fieldError, itemsOf, type JsonSchemaProps } from "@ladya/apimachinery"
import { type Errors, indexed } from "../../../validation/checks.ts"

/** What a condition speaks of has to be described beside it: a place of the condition, and of the description. */
interface Place {
  readonly condition: string
  readonly structure: string
}

/** Finds the fields and items that only conditions know of. */
export function checkCompleteness(errors: Errors, schema: JsonSchemaProps, path: string): void {
  for (const [part, condition] of conditionsOf(schema, path)) {
    compare(errors, part, schema, { condition, structure: path })
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkCompleteness(errors, property, `${path}.properties[${name}]`)
  }
  const items = itemsOf(schema)
  if (items) checkCompleteness(errors, items, `${path}.items`)
  const { additionalProperties: values } = schema
  if (typeof values === "object") checkCompleteness(errors, values, `${path}.additionalProperties`)
}

function conditionsOf(schema: JsonSchemaProps, path: string): (readonly [JsonSchemaProps, string])[] {
  const found: (readonly [JsonSchemaProps, string])[] = []
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    for (const [part, at] of indexed(`${path}.${name}`, schema[name] as JsonSchemaProps[] | undefined)) {
      found.push([part, at])
    }
  }
  if (schema.not) found.push([schema.not, `${path}.not`])
  return found
}

function compare(errors: Errors, part: JsonSchemaProps, schema: JsonSchemaProps | undefined, place: Place): void {
  if (!schema) {
    errors.push(fieldError.required(place.structure, `because it is defined in ${place.condition}`))
    return
  }
  const items = itemsOf(part)
  if (items) {
    const inner = { condition: `${place.condition}.items`, structure: `${place.structure}.items` }
    compare(errors, items, itemsOf(schema), inner)
  }
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const inner = {
      condition: `${place.condition}.properties[${name}]`,
      structure: `${place.structure}.properties[${name}]`,
    }
    compare(errors, property, schema.properties?.[name], inner)
  }
  for (const [nested, condition] of conditionsOf(part, place.condition)) {
    compare(errors, nested, schema, { condition, structure: place.structure })
  }
}
