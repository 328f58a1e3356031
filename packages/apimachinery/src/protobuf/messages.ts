import { maxJsonDepth } from "../json/syntax.ts"
import type { FieldSchema, SchemaSource } from "../schema.ts"
import { emptyTextMeansAbsent, zeroMeansAbsent } from "./field-rules.ts"
import { type InlinedFields, type MessageField, messageFields, schemaProps, shortName } from "./message-fields.ts"
import { ProtobufError, type ProtobufReader } from "./reader.ts"
import { type ReadMessage, specialMessages } from "./special-types.ts"

type JsonObject = Record<string, unknown>

/** Reads one occurrence of a field into the object. */
type ReadField = (reader: ProtobufReader, target: JsonObject) => void

/** Reads one value; undefined when it stands for nothing. */
type ReadValue = (reader: ProtobufReader) => unknown

const base64 = (bytes: Uint8Array): string => {
  let binary = ""
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(binary)
}

/** Compiles the types of one source to readers of their protobuf form, each when it is first wanted. */
export class MessageCompiler {
  readonly #source: SchemaSource
  readonly #messages = new Map<string, ReadMessage>()
  #depth = 0

  constructor(source: SchemaSource) {
    this.#source = source
  }

  message(typeName: string): ReadMessage {
    const known = this.#messages.get(typeName)
    if (known) return known
    let fields: Map<number, ReadField> | undefined
    const special = specialMessages[typeName] ?? this.#alternatives(typeName)
    const read: ReadMessage =
      special ??
      ((reader) => {
        fields ??= this.#fieldsOf(typeName)
        return this.#read(reader, fields, {})
      })
    this.#messages.set(typeName, read)
    return read
  }

  #read(reader: ProtobufReader, fields: Map<number, ReadField>, target: JsonObject): JsonObject {
    this.#depth++
    try {
      if (this.#depth > maxJsonDepth) throw new ProtobufError("exceeded max depth")
      while (reader.next()) {
        const field = fields.get(reader.field)
        if (field) field(reader, target)
        else reader.skip()
      }
      return target
    } finally {
      this.#depth--
    }
  }

  /** JSON schemas that may be of several kinds: what is there stands for the whole. */
  #alternatives(typeName: string): ReadMessage | undefined {
    if (!typeName.startsWith(schemaProps) || typeName === schemaProps) return undefined
    return (reader) => {
      let schema: unknown
      let other: unknown
      while (reader.next()) {
        if (typeName.endsWith("OrBool")) {
          if (reader.field === 1) other = reader.boolean()
          else if (reader.field === 2) schema = this.message(schemaProps)(reader.message())
          else reader.skip()
        } else if (reader.field === 1) schema = this.message(schemaProps)(reader.message())
        else if (reader.field === 2) {
          const item = typeName.endsWith("OrArray") ? this.message(schemaProps)(reader.message()) : reader.string()
          other = [...((other as unknown[] | undefined) ?? []), item]
        } else reader.skip()
      }
      return schema ?? other
    }
  }

  #fieldsOf(
    typeName: string,
    all: readonly (MessageField | InlinedFields)[] = messageFields(typeName, this.#source),
  ): Map<number, ReadField> {
    return new Map(
      all.map((field) => [field.n, "inlined" in field ? this.#inlined(typeName, field) : this.#field(typeName, field)]),
    )
  }

  /** A message whose fields stand in the object around it. */
  #inlined(typeName: string, { inlined }: InlinedFields): ReadField {
    const fields = this.#fieldsOf(typeName, inlined)
    return (reader, target) => {
      this.#read(reader.message(), fields, target)
    }
  }

  #field(typeName: string, { name, field, isWrapped }: MessageField): ReadField {
    if (field.type === "array" && !isWrapped) {
      const read = this.#value(field.items ?? {})
      return (reader, target) => {
        const value = read(reader)
        const list = target[name] as unknown[] | undefined
        if (list) list.push(value)
        else target[name] = [value]
      }
    }
    if (field.type === "map") return this.#map(name, field.values ?? {})
    const read = this.#value(field)
    const isAbsent = absenceOf(shortName(typeName), name, field)
    return (reader, target) => {
      const value = read(reader)
      if (value !== undefined && !isAbsent(value)) target[name] = value
    }
  }

  #map(name: string, values: FieldSchema): ReadField {
    const read = this.#value(values)
    const zero = values.type === "string" ? "" : values.ref ? {} : undefined
    return (reader, target) => {
      const entry = reader.message()
      let key = ""
      let value: unknown = zero
      while (entry.next()) {
        if (entry.field === 1) key = entry.string()
        else if (entry.field === 2) value = read(entry)
        else entry.skip()
      }
      const map = (target[name] ?? {}) as JsonObject
      target[name] = map
      if (key !== "__proto__") map[key] = value
    }
  }

  #value(field: FieldSchema): ReadValue {
    if (field.ref) {
      const type = field.ref
      return (reader) => this.message(type)(reader.message())
    }
    switch (field.type) {
      case "string":
        return field.format === "byte" ? (reader) => base64(reader.bytes()) : (reader) => reader.string()
      case "integer":
        return (reader) => reader.integer()
      case "boolean":
        return (reader) => reader.boolean()
      case "number":
        return (reader) => reader.double()
      case "array": {
        // A list inside a map is a message around its items.
        const item = this.#value(field.items ?? {})
        return (reader) => {
          const inner = reader.message()
          const list: unknown[] = []
          while (inner.next()) {
            if (inner.field === 1) list.push(item(inner))
            else inner.skip()
          }
          return list
        }
      }
      default:
        throw new Error("a field without a protobuf type")
    }
  }
}

/** Go sends values that were never set; JSON leaves them out. */
function absenceOf(typeName: string, name: string, field: FieldSchema): (value: unknown) => boolean {
  if (field.type === "string") {
    // Bytes and texts that JSON always has are told by their default.
    if (field.default === "" || !emptyTextMeansAbsent(typeName, name)) return () => false
    return (value) => value === ""
  }
  if (field.ref || !zeroMeansAbsent(typeName, name)) return () => false
  return (value) => value === 0 || value === false
}
