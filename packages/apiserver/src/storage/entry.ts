import { schemaSource } from "@ladya/api"
import { type KubeObject, writeProtobuf } from "@ladya/apimachinery"
import type { KeyValue } from "@ladya/store"
import { freezeObject } from "./freeze.ts"
import type { StoredShape } from "./shape.ts"

/**
 * Objects that a write hands over, by the bytes they were encoded to: what we wrote ourselves is not parsed again by those
 * who look at it at once. An object is several times as large as its bytes, so the rest are not kept for somebody who may
 * never come.
 */
const drafts = new Map<Buffer, { object: KubeObject; shape: StoredShape }>()
const maxDrafts = 256

/** Gives an object over together with its bytes. The caller must not write to it any more. */
export function handOver(value: Buffer, object: KubeObject, shape: StoredShape): void {
  drafts.set(value, { object, shape })
  if (drafts.size <= maxDrafts) return
  for (const oldest of drafts.keys()) {
    drafts.delete(oldest)
    return
  }
}

/**
 * One version of one object: its bytes as stored, its revision, and the decoded object when somebody asks for it.
 * Shared by every reader and watcher.
 */
export class Entry {
  readonly shape: StoredShape
  /** Path below the resource's prefix: `namespace/name`, or `name`. */
  readonly key: string
  /** As stored: without resourceVersion. */
  readonly value: Buffer
  /** The object's resourceVersion. For a deletion that of the deletion. */
  readonly revision: number
  #object: KubeObject | undefined
  #isRevised = false
  #fields: Readonly<Record<string, string>> | undefined
  #labels: Readonly<Record<string, string>> | undefined
  #message: Buffer | undefined

  constructor(shape: StoredShape, key: string, value: Buffer, revision: number) {
    this.shape = shape
    this.key = key
    this.value = value
    this.revision = revision
  }

  static of(shape: StoredShape, kv: KeyValue): Entry {
    const key = kv.key.slice(shape.prefix.length)
    const revised = shape.revise && drafts.get(kv.value)?.shape !== shape ? shape.revise(kv.value) : undefined
    if (!revised) return new Entry(shape, key, kv.value, kv.modRevision)
    const entry = new Entry(shape, key, revised, kv.modRevision)
    entry.#isRevised = true
    return entry
  }

  /** The same object in another version. `object` is given away. */
  converted(shape: StoredShape, object: KubeObject): Entry {
    const entry = new Entry(shape, this.key, this.value, this.revision)
    entry.#object = freezeObject({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.revision) },
    })
    return entry
  }

  /** Whether the store has it in another form, under an earlier definition: a write of the same content is a change. */
  get isRevised(): boolean {
    return this.#isRevised
  }

  /** The decoded object, frozen. */
  get object(): KubeObject {
    if (this.#object) return this.#object
    let object = drafts.get(this.value)?.object
    if (object) drafts.delete(this.value)
    else object = JSON.parse(this.value.toString("utf8")) as KubeObject
    object.metadata.resourceVersion = String(this.revision)
    this.#object = freezeObject(object)
    return this.#object
  }

  /** It is overwritten: the object that came with its bytes, if nobody asked for it so far, is not kept until the store forgets them. */
  retire(): void {
    drafts.delete(this.value)
  }

  /** What a field selector can name. */
  get fields(): Readonly<Record<string, string>> {
    if (!this.#fields) this.#look()
    return this.#fields ?? {}
  }

  get labels(): Readonly<Record<string, string>> {
    if (!this.#labels) this.#look()
    return this.#labels ?? {}
  }

  // What selectors ask for is kept, the object is not: to list by a label must not decode everything for good.
  #look(): void {
    const known = this.#object ?? drafts.get(this.value)?.object
    const object = known ?? (JSON.parse(this.value.toString("utf8")) as KubeObject)
    this.#labels = object.metadata.labels ?? {}
    this.#fields = this.shape.fieldsOf(object)
  }

  get namespace(): string {
    const slash = this.key.indexOf("/")
    return slash < 0 ? "" : this.key.slice(0, slash)
  }

  get name(): string {
    return this.key.slice(this.key.indexOf("/") + 1)
  }

  /** The length of the encoded object. */
  get wireLength(): number {
    return this.value.length + this.shape.revisionLength(this.revision)
  }

  /** The encoded object, resourceVersion included. */
  wire(): Buffer {
    const target = Buffer.allocUnsafe(this.wireLength)
    this.writeWire(target, 0)
    return target
  }

  /** Writes the encoded object; returns the offset behind it. */
  writeWire(target: Buffer, offset: number): number {
    return this.shape.splice(this.value, this.revision, target, offset)
  }

  /** The object as a protobuf message, without envelope. Not to be written to. */
  message(): Buffer {
    return (
      this.#message ?? writeProtobuf(this.#glance(), this.shape.kind.type ?? "", schemaSource, Buffer.allocUnsafeSlow)
    )
  }

  /** The message, kept for the next who wants it until it is dropped. */
  keptMessage(): Buffer {
    this.#message ??= this.message()
    return this.#message
  }

  /** Lets go of the message. */
  dropMessage(): void {
    this.#message = undefined
  }

  /** The object for a moment: what only bytes are wanted of is not kept decoded. */
  #glance(): KubeObject {
    if (this.#object || drafts.has(this.value)) return this.object
    const object = JSON.parse(this.value.toString("utf8")) as KubeObject
    object.metadata.resourceVersion = String(this.revision)
    return object
  }

  /** The same content as of another revision: what watchers see of a deletion. */
  at(revision: number): Entry {
    const entry = new Entry(this.shape, this.key, this.value, revision)
    const object = this.#object
    if (object) {
      entry.#object = freezeObject({ ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } })
    }
    return entry
  }
}
