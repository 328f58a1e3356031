import assert from "node:assert/strict"
import { test } from "node:test"
import { parseRequestInfo } from "./request-info.ts"

const table: { line: string; want: Record<string, unknown> }[] = [
  { line: "GET /healthz", want: { isResource: false, verb: "get", path: "/healthz" } },
  { line: "GET /apis/apps/v1", want: { isResource: false } },
  { line: "GET /api/v1/pods", want: { verb: "list", resource: "pods", namespace: "", version: "v1" } },
  { line: "GET /api/v1/pods?watch=1", want: { verb: "watch" } },
  { line: "GET /api/v1/watch/namespaces/a/pods", want: { verb: "watch", namespace: "a", resource: "pods" } },
  { line: "GET /api/v1/namespaces/a", want: { verb: "get", resource: "namespaces", name: "a", namespace: "a" } },
  {
    line: "PUT /api/v1/namespaces/a/finalize",
    want: { verb: "update", resource: "namespaces", subresource: "finalize" },
  },
  { line: "PUT /api/v1/namespaces/a/status", want: { resource: "namespaces", name: "a", subresource: "status" } },
  { line: "DELETE /apis/apps/v1/namespaces/a/deployments", want: { verb: "deletecollection", group: "apps" } },
  { line: "DELETE /apis/apps/v1/namespaces/a/deployments/d", want: { verb: "delete", name: "d" } },
  { line: "POST /api/v1/namespaces/a/pods/p/exec?command=ls", want: { verb: "create", subresource: "exec" } },
  { line: "GET /api/v1/namespaces/a/services/s:80/proxy/x/y/", want: { subresource: "proxy", rest: "x/y/" } },
  { line: "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa", want: { name: "system:a" } },
  { line: "GET /api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Db", want: { verb: "list", name: "b" } },
]

test("request lines mean what RBAC says they mean", () => {
  for (const { line, want } of table) {
    const [method, target] = line.split(" ") as [string, string]
    const url = new URL(target, "http://x")
    const info = parseRequestInfo(method, url.pathname, url.searchParams) as unknown as Record<string, unknown>
    for (const [key, value] of Object.entries(want)) assert.equal(info[key], value, `${line}: ${key}`)
  }
})
