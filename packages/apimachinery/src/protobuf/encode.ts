import type { SchemaSource } from "../schema.ts"
import { protobufMagic } from "./envelope.ts"
import { MessageWriters } from "./message-writers.ts"
import { ProtobufWriter } from "./writer.ts"

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

const magicBytes = Uint8Array.from(protobufMagic)
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

/** A whole body around a bare message. */
export function protobufBodyOf<T extends Uint8Array = Uint8Array>(
  object: { kind: string; apiVersion: string; message: Uint8Array },
  make: MakeBytes<T> = newBytes as MakeBytes<T>,
): T {
  return write(make, () => writeBody(object))
}

function writeBody(object: { kind: string; apiVersion: string; message: Uint8Array }): void {
  shared.raw(unknownEnd)
  shared.bytes(object.message)
  shared.tag(0x12)
  writeTypeMeta(shared, object)
  shared.raw(magicBytes)
}

/** What ends a whole body. */
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

/** What stands for one event in a watch: its length in four bytes, and the event with the whole body of its object. */
export function protobufWatchFrame<T extends Uint8Array = Uint8Array>(
  event: { type: string; kind: string; apiVersion: string; message: Uint8Array },
  make: MakeBytes<T> = newBytes as MakeBytes<T>,
): T {
  return write(make, () => {
    writeBody(event)
    // The object is a raw extension: a message with its bytes in field 1.
    shared.end(0)
    shared.tag(0x0a)
    shared.end(0)
    shared.tag(0x12)
    shared.string(event.type)
    shared.tag(0x0a)
    const { size } = shared
    shared.raw(Uint8Array.of(size >>> 24, size >>> 16, size >>> 8, size))
  })
}

/** The beginning of an item of a list: its tag and length. Every list has its items in field 2. */
export function writeItemHead(target: Uint8Array, offset: number, length: number): number {
  let at = offset
  target[at++] = 0x12
  let rest = length
  while (rest > 127) {
    target[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** How many bytes `writeItemHead` writes. */
export function itemHeadLength(length: number): number {
  return length < 0x80 ? 2 : length < 0x4000 ? 3 : length < 0x200000 ? 4 : length < 0x10000000 ? 5 : 6
}

/** What comes before the items of a list (each with its head) of so many bytes to make it a whole body. Behind them comes `protobufTail`. */
export function protobufListHead(
  list: { kind: string; apiVersion: string; metadata: object },
  itemsLength: number,
  source: SchemaSource,
): Uint8Array {
  return write(newBytes, () => {
    writers(source).message("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")(shared, list.metadata)
    shared.end(0)
    shared.tag(0x0a)
    shared.length(itemsLength + shared.size)
    shared.tag(0x12)
    writeTypeMeta(shared, list)
    shared.raw(magicBytes)
  })
}
