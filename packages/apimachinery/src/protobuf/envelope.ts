import type { SchemaSource } from "../schema.ts"
import { MessageWriters } from "./message-writers.ts"
import { MessageCompiler } from "./messages.ts"
import { ProtobufError, ProtobufReader } from "./reader.ts"
import { ProtobufWriter } from "./writer.ts"

/** What every protobuf body of the API begins with: `k8s` and a zero. */
const magic = [0x6b, 0x38, 0x73, 0x00]

/** A protobuf body before its object is read. */
export interface ProtobufEnvelope {
  apiVersion: string
  kind: string
  raw: Uint8Array
}

/** Opens a protobuf body. Throws a ProtobufError. */
export function openProtobuf(body: Uint8Array): ProtobufEnvelope {
  if (body.length < magic.length || magic.some((byte, index) => body[index] !== byte)) {
    throw new ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
  }
  const envelope: ProtobufEnvelope = { apiVersion: "", kind: "", raw: new Uint8Array() }
  const reader = new ProtobufReader(body, magic.length)
  while (reader.next()) {
    if (reader.field === 1) {
      const meta = reader.message()
      while (meta.next()) {
        if (meta.field === 1) envelope.apiVersion = meta.string()
        else if (meta.field === 2) envelope.kind = meta.string()
        else meta.skip()
      }
    } else if (reader.field === 2) envelope.raw = reader.bytes()
    else reader.skip()
  }
  return envelope
}

const compilers = new WeakMap<SchemaSource, MessageCompiler>()

/** Reads the protobuf form of a type as its JSON value. Throws a ProtobufError. */
export function readProtobuf(bytes: Uint8Array, typeName: string, source: SchemaSource): unknown {
  let compiler = compilers.get(source)
  if (!compiler) {
    compiler = new MessageCompiler(source)
    compilers.set(source, compiler)
  }
  return compiler.message(typeName)(new ProtobufReader(bytes))
}

/**
 * The JSON value of a whole protobuf body that should hold `target`. When it holds another kind, only that kind's name is told:
 * decodeRequestObject refuses it. Throws a ProtobufError.
 */
export function protobufBodyValue(
  body: Uint8Array,
  target: { kind: string; type: string },
  source: SchemaSource,
): Record<string, unknown> {
  const { apiVersion, kind, raw } = openProtobuf(body)
  const head = { ...(kind ? { kind } : {}), ...(apiVersion ? { apiVersion } : {}) }
  if (kind && kind !== target.kind) return head
  return { ...head, ...(readProtobuf(raw, target.type, source) as Record<string, unknown>) }
}

const writersOf = new WeakMap<SchemaSource, MessageWriters>()
/** One for all: nothing is written while something else is being written. */
const shared = new ProtobufWriter()

function writers(source: SchemaSource): MessageWriters {
  let known = writersOf.get(source)
  if (!known) {
    known = new MessageWriters(source)
    writersOf.set(source, known)
  }
  return known
}

/** Where encoded bytes go: memory of the length asked for. */
export type MakeBytes<T extends Uint8Array> = (length: number) => T

/** Writes a type's JSON value in its protobuf form: the bare message. */
export function writeProtobuf<T extends Uint8Array = Uint8Array>(
  value: unknown,
  typeName: string,
  source: SchemaSource,
  make: MakeBytes<T> = newBytes as MakeBytes<T>,
): T {
  return write(make, () => writers(source).message(typeName)(shared, value))
}

/** A whole protobuf body, or what stands for an object in a watch event or a raw extension. `kind` and `apiVersion` come from the object. */
export function protobufBody<T extends Uint8Array = Uint8Array>(
  value: object,
  typeName: string,
  source: SchemaSource,
  make: MakeBytes<T> = newBytes as MakeBytes<T>,
): T {
  return write(make, () => {
    shared.raw(unknownEnd)
    const { size } = shared
    writers(source).message(typeName)(shared, value)
    shared.end(size)
    shared.tag(0x12)
    writeTypeMeta(shared, value)
    shared.raw(magicBytes)
  })
}

const magicBytes = Uint8Array.from(magic)
/** The empty content encoding and content type, which upstream sends too. */
const unknownEnd = Uint8Array.of(0x1a, 0, 0x22, 0)

function writeTypeMeta(writer: ProtobufWriter, { kind, apiVersion }: { kind?: unknown; apiVersion?: unknown }): void {
  const { size } = writer
  writer.string(String(kind ?? ""))
  writer.tag(0x12)
  writer.string(String(apiVersion ?? ""))
  writer.tag(0x0a)
  writer.end(size)
  writer.tag(0x0a)
}

/** What comes before a bare message of `length` bytes to make it a whole body. Behind it comes `protobufTail`. */
export function protobufHead(object: { kind: string; apiVersion: string }, length: number): Uint8Array {
  return write(newBytes, () => {
    shared.length(length)
    shared.tag(0x12)
    writeTypeMeta(shared, object)
    shared.raw(magicBytes)
  })
}

export const protobufTail: Uint8Array = unknownEnd

const newBytes = (length: number): Uint8Array => new Uint8Array(length)

function write<T extends Uint8Array>(make: MakeBytes<T>, run: () => void): T {
  try {
    run()
    return shared.take(make)
  } finally {
    shared.clear()
  }
}
