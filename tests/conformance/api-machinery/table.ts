import assert from "node:assert/strict"
import { conformance } from "../support/registry.ts"

conformance(
  "[sig-api-machinery] Servers with support for Table transformation should return a 406 for a backend which does not implement metadata [Conformance]",
  async (t) => {
    const answer = await t.http("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { verb: "get", resource: "pods" } },
      },
    })
    assert.equal(answer.status, 406, answer.text)
    assert.equal(answer.json.kind, "Status")
    assert.equal(answer.json.reason, "NotAcceptable")
  },
)
