import type { ApiCall, CallTarget, DeleteParameters, ListParameters, WatchCall, WriteParameters } from "../transport.ts"

/** What of a call goes onto the wire. */
export interface WireRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  /** With the query. */
  path: string
  body?: unknown
  contentType?: string
}

const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const

/** `/apis/apps/v1/namespaces/x/deployments/y/status`. */
function resourcePath(target: CallTarget, namespace: string, name = "", subresource = ""): string {
  const parts = target.group ? ["/apis", target.group, target.version] : ["/api", target.version]
  if (namespace) parts.push("namespaces", encodeURIComponent(namespace))
  parts.push(target.resource)
  if (name) parts.push(encodeURIComponent(name))
  if (subresource) parts.push(subresource)
  return parts.join("/")
}

function withQuery(path: string, parameters: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== "") query.set(name, String(value))
  }
  const text = query.toString()
  return text ? `${path}?${text}` : path
}

function listQuery(parameters: ListParameters): Record<string, unknown> {
  return { ...parameters }
}

function writeQuery(parameters: WriteParameters): Record<string, unknown> {
  return { dryRun: parameters.dryRun ? "All" : undefined, fieldManager: parameters.fieldManager }
}

function deleteOptions(parameters: DeleteParameters): unknown {
  const { dryRun, ...rest } = parameters
  return { kind: "DeleteOptions", apiVersion: "v1", ...rest, ...(dryRun ? { dryRun: ["All"] } : {}) }
}

/** The HTTP request that a call is. */
export function wireRequest(call: ApiCall): WireRequest {
  const { target, namespace } = call
  const subresource = "subresource" in call ? call.subresource : undefined
  const path = resourcePath(target, namespace, "name" in call ? call.name : undefined, subresource)
  switch (call.verb) {
    case "get":
      return { method: "GET", path: withQuery(path, call.query ?? {}) }
    case "list":
      return { method: "GET", path: withQuery(path, listQuery(call.parameters)) }
    case "create":
      return { method: "POST", path: withQuery(path, writeQuery(call.parameters)), body: call.object }
    case "update":
      return { method: "PUT", path: withQuery(path, writeQuery(call.parameters)), body: call.object }
    case "patch":
      return {
        method: "PATCH",
        path: withQuery(path, writeQuery(call.parameters)),
        body: call.patch,
        contentType: patchTypes[call.patchType],
      }
    case "delete":
      return { method: "DELETE", path, body: deleteOptions(call.parameters) }
    case "deletecollection":
      return {
        method: "DELETE",
        path: withQuery(path, listQuery(call.selection)),
        body: deleteOptions(call.parameters),
      }
  }
}

/** The path of a watch. The server is asked to end it after a while, so that watches spread over servers again. */
export function watchPath(call: WatchCall, timeoutSeconds: number): string {
  const path = resourcePath(call.target, call.namespace)
  return withQuery(path, { ...call.parameters, watch: true, timeoutSeconds })
}
