import type { FieldSchema, SchemaSource, TypeSchema } from "../schema.ts"
import { inlinedFields } from "./field-rules.ts"

/** A field of a message, as JSON names it. */
export interface MessageField {
  readonly n: number
  readonly name: string
  readonly field: FieldSchema
  /** A list that is a message around its items. */
  readonly isWrapped: boolean
}

/** A message whose fields JSON has in the object around it. */
export interface InlinedFields {
  readonly n: number
  readonly inlined: readonly (MessageField | InlinedFields)[]
}

export const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"

/** `xKubernetesListType` is `x-kubernetes-list-type` in JSON, `ref` is `$ref`. */
function schemaPropsField(name: string): string {
  if (name === "ref" || name === "schema") return `$${name}`
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

export const shortName = (typeName: string): string => typeName.slice(typeName.lastIndexOf(".") + 1)

/** The fields of a type that has fields, by what is known of its protobuf form. */
export function messageFields(typeName: string, source: SchemaSource): (MessageField | InlinedFields)[] {
  const schema = source(typeName)
  if (!schema) throw new Error(`no schema of type ${typeName}`)
  const fields: (MessageField | InlinedFields)[] = []
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.pb) fields.push(messageField(field.pb.n, name, field))
  }
  for (const [name, { n, t }] of Object.entries(schema.protobufOnlyFields ?? {})) {
    if (typeName === schemaProps) {
      const jsonName = schemaPropsField(name)
      fields.push(messageField(n, jsonName, schema.fields[jsonName] ?? {}))
    } else if (schema.protobufOnly) fields.push(messageField(n, name, fieldOf(t)))
    else fields.push({ n, inlined: inlined(t, schema, source) })
  }
  return fields
}

function messageField(n: number, name: string, field: FieldSchema): MessageField {
  const isWrapped = field.type === "array" && field.pb !== undefined && !field.pb.t.startsWith("repeated ")
  return { n, name, field, isWrapped }
}

function inlined(inner: string, outer: TypeSchema, source: SchemaSource): (MessageField | InlinedFields)[] {
  const names = inlinedFields[shortName(inner)]
  if (!names) return messageFields(inner, source)
  return names.map((name, index) => messageField(index + 1, name, outer.fields[name] ?? {}))
}

/** What stands for a protobuf type in a schema. */
function fieldOf(type: string): FieldSchema {
  if (type.startsWith("repeated ")) return { type: "array", items: fieldOf(type.slice("repeated ".length)) }
  switch (type) {
    case "string":
      return { type: "string" }
    case "bytes":
      return { type: "string", format: "byte" }
    case "bool":
      return { type: "boolean" }
    case "int32":
    case "int64":
      return { type: "integer", format: type }
    default:
      return { ref: type }
  }
}
