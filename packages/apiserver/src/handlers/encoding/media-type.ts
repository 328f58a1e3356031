import { newStatusError, type StatusError } from "@ladya/apimachinery"
import { type MediaRange, parseAccept, takes } from "../../negotiation/accept.ts"

/** How an answer is written. */
export interface Presentation {
  format: "json" | "yaml"
  /** What the answer is turned into; undefined: the object itself. */
  as: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList" | undefined
  /** Of the meta.k8s.io group, for `as`. */
  version: "v1" | "v1beta1"
  isPretty: boolean
}

const plain: Presentation = { format: "json", as: undefined, version: "v1", isPretty: false }
/** What can be read and written. */
const writable = ["application/json", "application/yaml"]
const readable = [...writable, "application/vnd.kubernetes.protobuf"]

/** Chooses the first of the `Accept` alternatives that can be written, Tables unless told. Throws a 406 Status. */
export function negotiate(
  accept: string | undefined,
  options: { isWatch?: boolean; hasTables?: boolean } = {},
): Presentation {
  if (!accept || accept === "application/json" || accept === "*/*") return plain
  for (const range of parseAccept(accept)) {
    const found = presentationOf(range, options.isWatch ?? false)
    if (found && !(found.as === "Table" && options.hasTables === false)) return found
  }
  throw notAcceptable()
}

function notAcceptable(): StatusError {
  return newStatusError("NotAcceptable", `only the following media types are accepted: ${writable.join(", ")}`)
}

const transforms = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"])

function presentationOf(range: MediaRange, isWatch: boolean): Presentation | undefined {
  const { parameters } = range
  let format: "json" | "yaml"
  if (takes(range, "application/json")) format = "json"
  else if (takes(range, "application/yaml") && !isWatch) format = "yaml"
  else return undefined
  const as = parameters["as"]
  if (as === undefined) return { format, as: undefined, version: "v1", isPretty: false }
  if (!transforms.has(as) || parameters["g"] !== "meta.k8s.io") return undefined
  const version = parameters["v"] ?? "v1"
  if (version !== "v1" && version !== "v1beta1") return undefined
  return { format, as: as as Presentation["as"], version, isPretty: false }
}

/** The media type of a body, without parameters. Throws a 415 Status for what cannot be read. */
export function bodyType(contentType: string | undefined): "json" | "yaml" | "protobuf" {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "" || type === "application/json") return "json"
  if (type === "application/yaml" || type === "application/x-yaml") return "yaml"
  if (type === "application/vnd.kubernetes.protobuf") return "protobuf"
  throw unreadable(readable)
}

/** 415: a body in none of these media types. */
export function unreadable(taken: readonly string[]): StatusError {
  return newStatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${taken.join(", ")}`,
  )
}
