import type { SchemaSource } from "../schema.ts"
import { MessageCompiler } from "./messages.ts"
import { ProtobufError, ProtobufReader } from "./reader.ts"

/** What every protobuf body of the API begins with: `k8s` and a zero. */
export const protobufMagic = [0x6b, 0x38, 0x73, 0x00]

/** A protobuf body before its object is read. */
export interface ProtobufEnvelope {
  apiVersion: string
  kind: string
  raw: Uint8Array
}

/** Opens a protobuf body. Throws a ProtobufError. */
export function openProtobuf(body: Uint8Array): ProtobufEnvelope {
  if (body.length < protobufMagic.length || protobufMagic.some((byte, index) => body[index] !== byte)) {
    throw new ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
  }
  const envelope: ProtobufEnvelope = { apiVersion: "", kind: "", raw: new Uint8Array() }
  const reader = new ProtobufReader(body, protobufMagic.length)
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
