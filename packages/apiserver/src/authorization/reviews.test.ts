import assert from "node:assert/strict"
import { test } from "node:test"
import type { KubeObject } from "@ladya/apimachinery"
import type { Engine, Operation } from "../handlers/operation.ts"
import type { Authorizer } from "./authorizer.ts"
import { RbacIndex } from "./rbac-index.ts"
import { accessReviews } from "./reviews.ts"

/** Allows `get pods` in namespace a to user dan and group devs, and `get /healthz` to everyone. */
const authorizer: Authorizer = {
  name: "test",
  authorize({ user, info }) {
    const isHealth = !info.isResource && info.path === "/healthz" && info.verb === "get"
    const isDan = user.name === "dan" || user.groups.includes("devs")
    const isPods = info.resource === "pods" && info.namespace === "a" && info.verb === "get"
    return { allowed: isHealth || (isDan && isPods), reason: "as the test says" }
  },
}
const reviews = accessReviews({ authorizer, rbac: new RbacIndex() })

async function review(resource: string, spec: object, user: string, namespace = ""): Promise<Record<string, unknown>> {
  const operation = { user: { name: user, groups: [] }, namespace, resource: {} } as unknown as Operation
  const input = { apiVersion: "authorization.k8s.io/v1", kind: "Review", metadata: {}, spec } as unknown as KubeObject
  const result = await reviews.get(`authorization.k8s.io/${resource}`)?.create?.({} as Engine, operation, input)
  assert.ok(result?.type === "object" && result.code === 201)
  return (result.object as KubeObject & { status: Record<string, unknown> }).status
}

const pods = { resourceAttributes: { verb: "get", resource: "pods", namespace: "a" } }

test("reviews answer what the authorizer answers", async () => {
  const table: [string, object, string, string, boolean][] = [
    ["selfsubjectaccessreviews", pods, "dan", "", true],
    ["selfsubjectaccessreviews", pods, "eve", "", false],
    ["selfsubjectaccessreviews", { nonResourceAttributes: { path: "/healthz", verb: "GET" } }, "eve", "", true],
    ["subjectaccessreviews", { ...pods, user: "dan" }, "eve", "", true],
    ["subjectaccessreviews", { ...pods, groups: ["devs"] }, "eve", "", true],
    ["subjectaccessreviews", { ...pods, user: "eve" }, "dan", "", false],
    ["localsubjectaccessreviews", { ...pods, user: "dan" }, "eve", "a", true],
  ]
  for (const [resource, spec, user, namespace, allowed] of table) {
    const status = await review(resource, spec, user, namespace)
    assert.deepEqual(status, { allowed, reason: "as the test says" }, JSON.stringify(spec))
  }
})

test("reviews that ask nothing, too much or of nobody are refused", async () => {
  const both = { ...pods, nonResourceAttributes: { path: "/", verb: "get" } }
  await assert.rejects(review("selfsubjectaccessreviews", {}, "dan"), { code: 422, message: /exactly one of/ })
  await assert.rejects(review("selfsubjectaccessreviews", both, "dan"), { code: 422 })
  await assert.rejects(review("subjectaccessreviews", pods, "dan"), {
    code: 422,
    message: /at least one of user or group/,
  })
  await assert.rejects(review("localsubjectaccessreviews", { ...pods, user: "x" }, "dan", "b"), {
    code: 400,
    message: "spec.resourceAttributes.namespace must match namespace: b",
  })
  await assert.rejects(review("selfsubjectrulesreviews", {}, "dan"), { code: 400, message: "no namespace on request" })
})

test("an administrator's rules are all there are", async () => {
  const operation = { user: { name: "root", groups: ["system:masters"] }, resource: {} } as unknown as Operation
  const input = { metadata: {}, spec: { namespace: "a" } } as unknown as KubeObject
  const result = await reviews
    .get("authorization.k8s.io/selfsubjectrulesreviews")
    ?.create?.({} as Engine, operation, input)
  assert.ok(result?.type === "object")
  const { status } = result.object as KubeObject & { status: object }
  assert.deepEqual(status, {
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false,
  })
})
