import { createHash } from "node:crypto"
import { newStatusError } from "@ladya/apimachinery"
import type { ApiRequest, ApiResponse } from "../request.ts"

/** A document that is made once and sent often. */
export interface CachedDocument {
  readonly contentType: string
  readonly bytes: Buffer
  /** Hex of a SHA-512, in upper case: the document's version. */
  readonly hash: string
  /** What tells it from its other forms, when they have one version in common. */
  readonly form?: string
}

export function newDocument(contentType: string, bytes: Buffer): CachedDocument {
  // Clients keep the head of an answer with its tag: another media type must be another document.
  return {
    contentType,
    bytes,
    hash: createHash("sha512").update(contentType).update(bytes).digest("hex").toUpperCase(),
  }
}

/** Calls `make` once, when it is first wanted. */
export function once<T>(make: () => T): () => T {
  let value: { made: T } | undefined
  return () => {
    value ??= { made: make() }
    return value.made
  }
}

/** Refuses what is not a read. */
export function requireRead(request: ApiRequest): void {
  if (request.method === "GET" || request.method === "HEAD") return
  throw newStatusError("MethodNotAllowed", "the server does not allow this method on the requested resource")
}

function isCurrent(header: string | undefined, etag: string): boolean {
  if (!header) return false
  return header.split(",").some((text) => {
    const tag = text.trim().replace(/^W\//, "")
    return tag === etag || tag === "*"
  })
}

/** Answers with a document, or with 304 when the client has it already. */
export function sendDocument(
  request: ApiRequest,
  document: CachedDocument,
  headers: Readonly<Record<string, string>> = {},
): ApiResponse {
  const etag = `"${document.hash}${document.form ?? ""}"`
  const common = { ...headers, ETag: etag, Vary: "Accept" }
  if (isCurrent(request.headers["if-none-match"], etag)) {
    return { status: 304, headers: common, body: Buffer.alloc(0) }
  }
  return { status: 200, headers: { ...common, "Content-Type": document.contentType }, body: document.bytes }
}
