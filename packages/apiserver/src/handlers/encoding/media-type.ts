import { newStatusError, type StatusError } from "@ladya/apimachinery"
import { type MediaRange, parseAccept, takes } from "../../negotiation/accept.ts"

export type Format = "json" | "yaml" | "protobuf"

/** How an answer is written. */
export interface Presentation {
  format: Format
  /** What the answer is turned into; undefined: the object itself. */
  as: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | undefined
  /** Of the meta.k8s.io group, for `as`. */
  version: "v1" | "v1beta1"
  isPretty: boolean
}

/** What is asked for, as far as the choice depends on it. */
export interface NegotiationOptions {
  isWatch?: boolean
  /** Objects of custom types have no protobuf form; what they are turned into has. */
  isCustom?: boolean
  /** False for what is only asked, of which there are no Tables. */
  hasTables?: boolean
  /** Nothing can be turned into anything else: what is sent is no object that was asked for. */
  isFixed?: boolean
}

const plain: Presentation = { format: "json", as: undefined, version: "v1", isPretty: false }
export const protobufMediaType = "application/vnd.kubernetes.protobuf"
/** What can be read and written, the first being what is sent to those who do not mind. */
export const mediaTypes: Readonly<Record<Format, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: protobufMediaType,
}
const formats = Object.keys(mediaTypes) as Format[]
const streamed = [mediaTypes.json, mediaTypes.protobuf].map((type) => `${type};stream=watch`)

/** Chooses the most wanted of the `Accept` alternatives that can be written. Throws a 406 Status. */
export function negotiate(accept: string | undefined, options: NegotiationOptions = {}): Presentation {
  if (!accept || accept === "application/json" || accept === "*/*") return plain
  const { isWatch = false } = options
  for (const range of parseAccept(accept)) {
    for (const format of formats) {
      const found = takes(range, mediaTypes[format]) && presentationOf(range, format, options)
      if (!found) continue
      // YAML is no stream, and asking for it first is no reason to look further.
      if (isWatch && format === "yaml") throw notAcceptable(streamed)
      return found
    }
  }
  throw notAcceptable(isWatch ? streamed : Object.values(mediaTypes))
}

function notAcceptable(accepted: readonly string[]): StatusError {
  return newStatusError("NotAcceptable", `only the following media types are accepted: ${accepted.join(", ")}`)
}

const transforms = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"])

/** How a range wants a format, when that can be had. Parameters nobody knows say nothing. */
function presentationOf(range: MediaRange, format: Format, options: NegotiationOptions): Presentation | undefined {
  const { as, g, v, stream, pretty } = range.parameters as Readonly<Record<string, string | undefined>>
  if (stream && (stream !== "watch" || format === "yaml" || options.isFixed)) return undefined
  const isPretty = pretty === "1"
  if (as === undefined && g === undefined && v === undefined) {
    if (format === "protobuf" && options.isCustom) return undefined
    return { format, as: undefined, version: "v1", isPretty }
  }
  if (options.isFixed || as === undefined || !transforms.has(as) || g !== "meta.k8s.io") return undefined
  if (v !== "v1" && v !== "v1beta1") return undefined
  // Tables have no protobuf form.
  if (as === "Table" && (format === "protobuf" || options.hasTables === false)) return undefined
  return { format, as: as as Presentation["as"], version: v, isPretty }
}

const truths = new Set(["1", "t", "T", "true", "TRUE", "True"])

/** Whether somebody is to read the answer: they say so, or come with a tool that people use by hand. */
export function wantsPretty(query: URLSearchParams, userAgent: string | undefined): boolean {
  const wish = query.get("pretty")
  return wish ? truths.has(wish) : /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent ?? "")
}

/** The media type of a body, without parameters. Throws a 415 Status for what cannot be read. */
export function bodyType(contentType: string | undefined): Format {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "" || type === "application/json") return "json"
  if (type === "application/yaml" || type === "application/x-yaml") return "yaml"
  if (type === protobufMediaType) return "protobuf"
  throw unreadable(Object.values(mediaTypes))
}

/** 415: a body in none of these media types. */
export function unreadable(taken: readonly string[]): StatusError {
  return newStatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${taken.join(", ")}`,
  )
}
