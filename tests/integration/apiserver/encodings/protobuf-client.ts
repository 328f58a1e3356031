import { request as httpsRequest } from "node:https"
import { schemaSource, schemaTypeNames } from "@ladya/api"
import { openProtobuf, ProtobufError, protobufBody, readProtobuf } from "@ladya/apimachinery"
import { systemClock, waitFor } from "@ladya/util"
import type { HttpAnswer, TestServer } from "../../harness.ts"

export const protobuf = "application/vnd.kubernetes.protobuf"
export const both = `${protobuf},application/json`

/** Types only the wire has, by kind. */
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."
const wireTypes: Readonly<Record<string, string>> = {
  PartialObjectMetadata: `${meta}PartialObjectMetadata`,
  PartialObjectMetadataList: `${meta}PartialObjectMetadataList`,
  APIGroupDiscoveryList: "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
}

function typeOf(apiVersion: string, kind: string): string {
  const found = schemaTypeNames().findLast((name) =>
    schemaSource(name)?.gvk?.some(
      ([group, version, own]) => own === kind && (group ? `${group}/${version}` : version) === apiVersion,
    ),
  )
  const type = wireTypes[kind] ?? found
  if (!type) throw new ProtobufError(`unknown kind ${apiVersion} ${kind}`)
  return type
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
export type Decoded = any

/** The object in a whole body. */
export function decode(bytes: Uint8Array): Decoded {
  const { kind, apiVersion, raw } = openProtobuf(bytes)
  return { kind, apiVersion, ...(readProtobuf(raw, typeOf(apiVersion, kind), schemaSource) as object) }
}

export function encode(object: { kind: string; apiVersion: string }): Buffer {
  return protobufBody(object, typeOf(object.apiVersion, object.kind), schemaSource, Buffer.alloc)
}

export interface ProtobufAnswer extends Pick<HttpAnswer, "status" | "headers"> {
  object: Decoded
}

/** A request whose body and answer are protobuf. */
export async function call(
  server: TestServer,
  method: string,
  path: string,
  options: { body?: { kind: string; apiVersion: string }; accept?: string } = {},
): Promise<ProtobufAnswer> {
  const answer = await server.http(method, path, {
    headers: { Accept: options.accept ?? protobuf, ...(options.body ? { "Content-Type": protobuf } : {}) },
    ...(options.body ? { body: encode(options.body) } : {}),
  })
  if (answer.headers["content-type"] !== protobuf) throw new Error(`${answer.status} ${answer.text}`)
  return { status: answer.status, headers: answer.headers, object: decode(answer.bytes) }
}

export interface ProtobufEvent {
  type: string
  object: Decoded
}

/** Reads a watch until `enough` of its events are there. */
export async function watch(
  server: TestServer,
  path: string,
  enough: (events: readonly ProtobufEvent[]) => boolean,
  options: { accept?: string; act?: () => void } = {},
): Promise<{ events: ProtobufEvent[]; contentType: string }> {
  let bytes = Buffer.alloc(0)
  let contentType = ""
  const request = httpsRequest(`${server.url}${path}`, {
    ca: server.pki.ca,
    agent: false,
    headers: { Accept: options.accept ?? `${protobuf};stream=watch` },
  })
  request.on("error", () => undefined)
  request.on("response", (response) => {
    contentType = String(response.headers["content-type"])
    response.on("error", () => undefined)
    response.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
    })
    options.act?.()
  })
  request.end()
  try {
    await waitFor(systemClock, () => enough(eventsOf(bytes)), {
      description: "the events of the watch",
      timeoutMs: 30_000,
      intervalMs: 10,
    })
    return { events: eventsOf(bytes), contentType }
  } finally {
    request.destroy()
  }
}

/** Whole frames: four bytes of length, then the event, whose object is a whole body in a raw extension. */
function eventsOf(bytes: Buffer): ProtobufEvent[] {
  const events: ProtobufEvent[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    events.push(eventOf(bytes.subarray(at + 4, end)))
    at = end
  }
  return events
}

function eventOf(event: Buffer): ProtobufEvent {
  const typeLength = event[1] as number
  return { type: event.toString("utf8", 2, 2 + typeLength), object: decode(event.subarray(event.indexOf("k8s\0"))) }
}
