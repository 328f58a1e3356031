import { parseFieldSelector } from "@ladya/apimachinery"
import type { RequestInfo } from "./request.ts"

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
}

/** Subresources of namespaces; any other third part below a namespace is a resource in it. */
const namespaceSubresources = new Set(["status", "finalize"])

const nonResource = (path: string, method: string): RequestInfo => ({
  isResource: false,
  path,
  verb: method.toLowerCase(),
  group: "",
  version: "",
  resource: "",
  subresource: "",
  rest: "",
  namespace: "",
  name: "",
})

function decodePart(part: string): string {
  if (!part.includes("%")) return part
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** Whether a boolean query parameter is on, as the API reads them. */
export function isTrue(value: string | null | undefined): boolean {
  if (value === null || value === undefined) return false
  const lower = value.toLowerCase()
  return lower !== "false" && lower !== "0"
}

/** What a request's line means. `/api/v1/…` and `/apis/<group>/<version>/…` are resources. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = path.split("/")
  // The path begins with a slash: the first part is empty.
  if (parts.at(-1) === "") parts.pop()
  let group = ""
  let at: number
  if (parts[1] === "api") at = 2
  else if (parts[1] === "apis") {
    group = parts[2] ?? ""
    at = 3
  } else return nonResource(path, method)
  const version = parts[at]
  if (!version || parts.length <= at + 1) return nonResource(path, method)
  at++

  let verb = verbs[method] ?? ""
  // The deprecated form: /api/v1/watch/…
  if (parts[at] === "watch" && parts.length > at + 1) {
    at++
    verb = verb === "get" ? "watch" : ""
  }
  const info: RequestInfo = {
    isResource: true,
    path,
    verb,
    group,
    version,
    resource: "",
    subresource: "",
    rest: "",
    namespace: "",
    name: "",
  }
  if (parts[at] === "namespaces" && parts.length > at + 1) {
    info.namespace = decodePart(parts[at + 1] ?? "")
    const next = parts[at + 2]
    if (next !== undefined && !namespaceSubresources.has(next)) at += 2
  }
  info.resource = parts[at] ?? ""
  info.name = decodePart(parts[at + 1] ?? "")
  info.subresource = parts[at + 2] ?? ""
  if (parts.length > at + 3) {
    info.rest = parts
      .slice(at + 3)
      .map(decodePart)
      .join("/")
    if (path.endsWith("/")) info.rest += "/"
  }
  if (!info.name) widen(info, query)
  return info
}

/** Without a name a request is about many: list, watch or deletecollection. */
function widen(info: RequestInfo, query: URLSearchParams): void {
  if (info.verb === "get") {
    info.verb = isTrue(query.get("watch")) ? "watch" : "list"
  } else if (info.verb === "delete") info.verb = "deletecollection"
  if (info.verb === "list" || info.verb === "watch" || info.verb === "deletecollection") {
    const selector = query.get("fieldSelector")
    if (selector?.includes("metadata.name")) info.name = nameIn(selector)
  }
}

// A selector of one name counts as that name, so that a right to one object suffices.
function nameIn(selector: string): string {
  try {
    return parseFieldSelector(selector).required("metadata.name") ?? ""
  } catch {
    return ""
  }
}
