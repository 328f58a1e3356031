import { newStatusError } from "@ladya/apimachinery"
import { type Format, mediaTypes, wantsPretty } from "../handlers/encoding/media-type.ts"
import { encodeAs } from "../handlers/encoding/respond.ts"
import { type MediaRange, parseAccept, takes } from "../negotiation/accept.ts"
import { type CachedDocument, newDocument, requireRead, sendDocument } from "../negotiation/documents.ts"
import type { ApiRequest, ApiResponse } from "../request.ts"
import { aggregatedDiscovery } from "./aggregated.ts"
import type { DiscoveryGroup } from "./groups.ts"
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./legacy.ts"

export interface DiscoveryDeps {
  /** What is served now. A new array whenever that changes: documents are kept by its identity. */
  groups(): readonly DiscoveryGroup[]
  /** `host:port` as clients reach the server. */
  serverAddress: string
}

/** How an answer is written, and whether it tells everything at once. */
interface Form {
  format: Format
  /** The version of the aggregated document. */
  aggregated: "v2" | "v2beta1" | undefined
}

const contentType = ({ format, aggregated }: Form): string =>
  aggregated
    ? `${mediaTypes[format]};g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`
    : mediaTypes[format]

const formats = Object.keys(mediaTypes) as Format[]

function formOf({ parameters }: MediaRange, format: Format, mayAggregate: boolean): Form | undefined {
  const { as, g, v } = parameters as { as?: string; g?: string; v?: string }
  if (as === undefined && g === undefined && v === undefined) return { format, aggregated: undefined }
  if (!mayAggregate || as !== "APIGroupDiscoveryList" || g !== "apidiscovery.k8s.io") return undefined
  return v === "v2" || v === "v2beta1" ? { format, aggregated: v } : undefined
}

function chooseForm(request: ApiRequest, mayAggregate: boolean): Form {
  for (const range of parseAccept(request.headers["accept"])) {
    for (const format of formats) {
      const form = takes(range, mediaTypes[format]) && formOf(range, format, mayAggregate)
      if (form) return form
    }
  }
  throw newStatusError(
    "NotAcceptable",
    `only the following media types are accepted: ${Object.values(mediaTypes).join(", ")}`,
  )
}

/** Whether a path is one of discovery's: `/api`, `/api/v1`, `/apis`, `/apis/apps`, `/apis/apps/v1`. */
export function isDiscoveryPath(path: string): boolean {
  return /^\/api(\/[^/]+)?\/?$|^\/apis(\/[^/]+){0,2}\/?$/.test(path)
}

/** Says which resources there are, in the legacy documents and the aggregated one. Answers paths that isDiscoveryPath takes. */
export function newDiscoveryHandler(deps: DiscoveryDeps): (request: ApiRequest) => ApiResponse {
  let shown: { groups: readonly DiscoveryGroup[]; documents: Map<string, CachedDocument> }
  const current = (): typeof shown => {
    const groups = deps.groups()
    if (shown?.groups !== groups) shown = { groups, documents: new Map() }
    return shown
  }
  return (request) => {
    requireRead(request)
    const parts = request.path.split("/").filter((part) => part !== "")
    const form = chooseForm(request, parts.length === 1)
    const { groups, documents } = current()
    const presentation = { format: form.format, as: undefined, version: "v1", isPretty: isPretty(request) } as const
    const key = `${contentType(form)} ${presentation.isPretty} ${parts.join("/")}`
    let document = documents.get(key)
    if (!document) {
      const value = documentOf(groups, parts, form, deps.serverAddress)
      document = newDocument(contentType(form), encodeAs(presentation, value))
      documents.set(key, document)
    }
    return sendDocument(request, document, { "Cache-Control": "public" })
  }
}

const isPretty = ({ query, headers }: ApiRequest): boolean => wantsPretty(query, headers["user-agent"])

function documentOf(groups: readonly DiscoveryGroup[], parts: readonly string[], form: Form, address: string): object {
  const [root, ...rest] = parts
  const isCore = root === "api"
  const { aggregated } = form
  if (aggregated) return aggregatedDiscovery(groups, { apiVersion: `apidiscovery.k8s.io/${aggregated}`, core: isCore })
  if (rest.length === 0) return isCore ? apiVersions(groups, address) : apiGroupList(groups)
  const name = isCore ? "" : rest.shift()
  const group = groups.find((candidate) => candidate.name === name)
  if (!group) throw notFound()
  const wanted = rest[0]
  if (wanted === undefined) return apiGroup(group)
  const version = group.versions.find((candidate) => candidate.version === wanted)
  if (!version) throw notFound()
  return apiResourceList(group.name, version)
}

const notFound = (): Error => newStatusError("NotFound", "the server could not find the requested resource")
