import { newStatusError, type StatusError } from "@ladya/apimachinery"

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
const supported = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"]
/** What can be written today; the third is for a later time. */
const writable = supported.slice(0, 2)

/** Chooses the first of the `Accept` alternatives that can be written. Throws a 406 Status. */
export function negotiate(accept: string | undefined, options: { isWatch?: boolean } = {}): Presentation {
  if (!accept || accept === "application/json" || accept === "*/*") return plain
  for (const range of ranges(accept)) {
    const found = presentationOf(range, options.isWatch ?? false)
    if (found) return found
  }
  throw notAcceptable()
}

function notAcceptable(): StatusError {
  return newStatusError("NotAcceptable", `only the following media types are accepted: ${writable.join(", ")}`)
}

interface MediaRange {
  type: string
  parameters: Record<string, string>
  quality: number
}

function ranges(accept: string): MediaRange[] {
  const found = accept.split(",").map((text, index) => {
    const [type = "", ...rest] = text.split(";").map((part) => part.trim())
    const parameters: Record<string, string> = {}
    for (const part of rest) {
      const equals = part.indexOf("=")
      if (equals > 0) parameters[part.slice(0, equals).trim().toLowerCase()] = part.slice(equals + 1).trim()
    }
    const quality = Number(parameters["q"] ?? 1)
    return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0, index }
  })
  return found.sort((a, b) => b.quality - a.quality || a.index - b.index)
}

const transforms = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"])

function presentationOf(range: MediaRange, isWatch: boolean): Presentation | undefined {
  const { type, parameters } = range
  let format: "json" | "yaml"
  if (type === "application/json" || type === "*/*" || type === "application/*") format = "json"
  else if (type === "application/yaml" && !isWatch) format = "yaml"
  else return undefined
  const as = parameters["as"]
  if (as === undefined) return { format, as: undefined, version: "v1", isPretty: false }
  if (!transforms.has(as) || parameters["g"] !== "meta.k8s.io") return undefined
  const version = parameters["v"] ?? "v1"
  if (version !== "v1" && version !== "v1beta1") return undefined
  return { format, as: as as Presentation["as"], version, isPretty: false }
}

/** The media type of a body, without parameters. Throws a 415 Status for what cannot be read. */
export function bodyType(contentType: string | undefined): "json" | "yaml" {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "" || type === "application/json") return "json"
  if (type === "application/yaml" || type === "application/x-yaml") return "yaml"
  throw newStatusError(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${writable.join(", ")}`,
  )
}
