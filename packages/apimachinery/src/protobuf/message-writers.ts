import type { FieldSchema, SchemaSource } from "../schema.ts"
import { type InlinedFields, type MessageField, messageFields, schemaProps } from "./message-fields.ts"
import { specialWriters, type WriteMessage } from "./special-writers.ts"
import type { ProtobufWriter } from "./writer.ts"

type JsonObject = Record<string, unknown>

/** Writes a value with its tag. The value is neither undefined nor null. */
type WriteValue = (writer: ProtobufWriter, value: unknown) => void

/** How a message is written: its own fields by their JSON names, and the inlined messages. */
interface Plan {
  readonly fields: ReadonlyMap<string, WriteValue | Plan>
  /** Of an inlined message. */
  readonly tag: number
}

const varintTag = (n: number): number => n * 8
const fixedTag = (n: number): number => n * 8 + 1
const lengthTag = (n: number): number => n * 8 + 2

/** The bytes of a base64 text, of either alphabet's usual form; none for what is no such text. */
function fromBase64(text: string): Uint8Array {
  let binary: string
  try {
    binary = atob(text)
  } catch {
    return new Uint8Array()
  }
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}

const asObject = (value: unknown): JsonObject =>
  (typeof value === "object" && value !== null ? value : {}) as JsonObject

/** Compiles the types of one source to writers of their protobuf form, each when it is first wanted. */
export class MessageWriters {
  readonly #source: SchemaSource
  readonly #messages = new Map<string, WriteMessage>()

  constructor(source: SchemaSource) {
    this.#source = source
  }

  /** Writes the fields of a message. */
  message(typeName: string): WriteMessage {
    const known = this.#messages.get(typeName)
    if (known) return known
    const write = specialWriters[typeName] ?? this.#alternatives(typeName) ?? this.#plain(typeName)
    this.#messages.set(typeName, write)
    return write
  }

  #plain(typeName: string): WriteMessage {
    let plan: Plan | undefined
    return (writer, value) => {
      plan ??= this.#plan(0, messageFields(typeName, this.#source))
      writeFields(writer, plan, asObject(value))
    }
  }

  #plan(tag: number, all: readonly (MessageField | InlinedFields)[]): Plan {
    const fields = new Map<string, WriteValue | Plan>()
    for (const field of all) {
      if (!("inlined" in field)) {
        fields.set(field.name, this.#field(field))
        continue
      }
      const inner = this.#plan(lengthTag(field.n), field.inlined)
      for (const name of inner.fields.keys()) if (!fields.has(name)) fields.set(name, inner)
    }
    return { fields, tag }
  }

  /** JSON schemas that may be of several kinds. */
  #alternatives(typeName: string): WriteMessage | undefined {
    if (!typeName.startsWith(schemaProps) || typeName === schemaProps) return undefined
    const writeSchema = this.#value({ ref: schemaProps }, 1)
    const writeSecond = this.#value({ ref: schemaProps }, 2)
    const writeText = this.#value({ type: "string" }, 2)
    const writeAllows = this.#value({ type: "boolean" }, 1)
    if (typeName.endsWith("OrBool")) {
      return (writer, value) => {
        if (typeof value === "boolean") writeAllows(writer, value)
        else {
          writeSecond(writer, value)
          writeAllows(writer, true)
        }
      }
    }
    const writeItem = typeName.endsWith("OrArray") ? writeSecond : writeText
    return (writer, value) => {
      if (!Array.isArray(value)) writeSchema(writer, value)
      else for (let index = value.length - 1; index >= 0; index--) writeItem(writer, value[index])
    }
  }

  #field({ n, field, isWrapped }: MessageField): WriteValue {
    if (isWrapped) return this.#value(field, n)
    if (field.type === "array") {
      const write = this.#value(field.items ?? {}, n)
      return (writer, value) => {
        if (!Array.isArray(value)) return
        for (let index = value.length - 1; index >= 0; index--) write(writer, value[index])
      }
    }
    return field.type === "map" ? this.#map(n, field.values ?? {}) : this.#value(field, n)
  }

  #map(n: number, values: FieldSchema): WriteValue {
    const tag = lengthTag(n)
    const write = this.#value(values, 2)
    return (writer, value) => {
      const map = asObject(value)
      for (const key in map) {
        const { size } = writer
        write(writer, map[key])
        writer.string(key)
        writer.tag(0x0a)
        writer.end(size)
        writer.tag(tag)
      }
    }
  }

  #value(field: FieldSchema, n: number): WriteValue {
    const tag = lengthTag(n)
    if (field.ref) {
      const message = this.message(field.ref)
      return (writer, value) => {
        const { size } = writer
        if (value !== null && value !== undefined) message(writer, value)
        writer.end(size)
        writer.tag(tag)
      }
    }
    switch (field.type) {
      case "string":
        return (writer, value) => {
          const text = typeof value === "string" ? value : ""
          if (field.format === "byte") writer.bytes(fromBase64(text))
          else writer.string(text)
          writer.tag(tag)
        }
      case "integer":
        return (writer, value) => {
          writer.integer(Number(value) || 0)
          writer.tag(varintTag(n))
        }
      case "boolean":
        return (writer, value) => {
          writer.boolean(value === true)
          writer.tag(varintTag(n))
        }
      case "number":
        return (writer, value) => {
          writer.double(Number(value))
          writer.tag(fixedTag(n))
        }
      case "array": {
        // A list inside a map is a message around its items.
        const item = this.#value(field.items ?? {}, 1)
        return (writer, value) => {
          const { size } = writer
          if (Array.isArray(value)) for (let index = value.length - 1; index >= 0; index--) item(writer, value[index])
          writer.end(size)
          writer.tag(tag)
        }
      }
      default:
        throw new Error("a field without a protobuf type")
    }
  }
}

/** Only what is there is looked at: most fields of most types are not. */
function writeFields(writer: ProtobufWriter, plan: Plan, object: JsonObject): void {
  let inlined: Plan | undefined
  let others: Plan[] | undefined
  for (const key in object) {
    const write = plan.fields.get(key)
    if (write === undefined) continue
    const value = object[key]
    if (value === undefined || value === null) continue
    if (typeof write === "function") write(writer, value)
    else if (inlined === undefined) inlined = write
    else if (inlined !== write && !others?.includes(write)) others = [...(others ?? []), write]
  }
  if (inlined) writeInlined(writer, inlined, object)
  if (others) for (const other of others) writeInlined(writer, other, object)
}

function writeInlined(writer: ProtobufWriter, plan: Plan, object: JsonObject): void {
  const { size } = writer
  writeFields(writer, plan, object)
  writer.end(size)
  writer.tag(plan.tag)
}
