import { newStatusError } from "@ladya/apimachinery"
import { stringify } from "yaml"
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

type Form = "json" | "yaml" | "v2" | "v2beta1"

const contentTypes: Readonly<Record<Form, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  v2: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  v2beta1: "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
}

function formOf(range: MediaRange, mayAggregate: boolean): Form | undefined {
  const { as, g, v } = range.parameters as { as?: string; g?: string; v?: string }
  if (as !== undefined) {
    const isAggregated = mayAggregate && as === "APIGroupDiscoveryList" && g === "apidiscovery.k8s.io"
    if (isAggregated && takes(range, "application/json") && (v === "v2" || v === "v2beta1")) return v
    return undefined
  }
  if (takes(range, "application/json")) return "json"
  return takes(range, "application/yaml") ? "yaml" : undefined
}

function chooseForm(request: ApiRequest, mayAggregate: boolean): Form {
  for (const range of parseAccept(request.headers["accept"])) {
    const form = formOf(range, mayAggregate)
    if (form) return form
  }
  throw newStatusError(
    "NotAcceptable",
    "only the following media types are accepted: application/json, application/yaml",
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
    const key = `${form} ${parts.join("/")}`
    let document = documents.get(key)
    if (!document) {
      const value = documentOf(groups, parts, form, deps.serverAddress)
      const text = form === "yaml" ? stringify(value, { aliasDuplicateObjects: false }) : JSON.stringify(value)
      document = newDocument(contentTypes[form], Buffer.from(text))
      documents.set(key, document)
    }
    return sendDocument(request, document, { "Cache-Control": "public" })
  }
}

function documentOf(groups: readonly DiscoveryGroup[], parts: readonly string[], form: Form, address: string): object {
  const [root, ...rest] = parts
  const isCore = root === "api"
  if (form === "v2" || form === "v2beta1") {
    return aggregatedDiscovery(groups, { apiVersion: `apidiscovery.k8s.io/${form}`, core: isCore })
  }
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
