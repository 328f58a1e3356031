import { promisify } from "node:util"
import { gzip } from "node:zlib"
import type { ApiResponse } from "../request.ts"
import type { HttpRequest } from "./http-request.ts"

const compress = promisify(gzip)
/** Smaller answers are not worth compressing. */
const gzipFromBytes = 128 * 1024

/** Headers that every answer carries. */
export function commonHeaders(request: HttpRequest, response: ApiResponse): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    "Audit-Id": request.id,
    "Cache-Control": "no-cache, private",
    ...response.headers,
  }
  if (request.warnings.length > 0) headers["Warning"] = shortened([...new Set(request.warnings)]).map(warningValue)
  return headers
}

/** Clients limit the size of headers: so much of warnings is sent whole, in characters, else so much of each. */
const maxWarnings = 4096
const maxOfEach = 256

function shortened(warnings: readonly string[]): readonly string[] {
  const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0)
  if (lengthOf(warnings) <= maxWarnings) return warnings
  const kept: string[] = []
  for (const text of warnings) {
    if (lengthOf(kept) >= maxWarnings) break
    kept.push(text.slice(0, maxOfEach))
  }
  return kept
}

// RFC 7234, section 5.5: code 299, no agent, the text quoted.
function warningValue(text: string): string {
  let clean = ""
  for (const character of text) {
    const code = character.charCodeAt(0)
    clean += code < 32 || code > 126 ? "?" : character === '"' || character === "\\" ? `\\${character}` : character
  }
  return `299 - "${clean}"`
}

/** The body in pieces when it is all there; a large one is compressed for clients that like it. Undefined for a stream. */
export async function wholeBody(
  request: HttpRequest,
  response: ApiResponse,
  headers: Record<string, string | string[]>,
): Promise<{ chunks: readonly Buffer[]; length: number } | undefined> {
  const { body } = response
  let chunks: readonly Buffer[]
  if (Buffer.isBuffer(body)) chunks = [body]
  else if (Array.isArray(body)) chunks = body
  else return undefined
  let length = 0
  for (const chunk of chunks) length += chunk.length
  if (length < gzipFromBytes || !/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return { chunks, length }
  if (headers["Content-Encoding"]) return { chunks, length }
  headers["Content-Encoding"] = "gzip"
  headers["Vary"] = headers["Vary"] ? `${headers["Vary"]}, Accept-Encoding` : "Accept-Encoding"
  const small = await compress(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), { level: 1 })
  return { chunks: [small], length: small.length }
}
