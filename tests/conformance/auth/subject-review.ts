import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { conformance } from "../support/registry.ts"

conformance("[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const { metadata } = await t.client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace, name: "e2e" },
  })
  const user = `system:serviceaccount:${namespace}:e2e`
  const groups = ["system:authenticated", "system:serviceaccounts", `system:serviceaccounts:${namespace}`]
  const spec = {
    resourceAttributes: { verb: "list", resource: "configmaps", version: "v1", namespace },
    ...{ user, groups, uid: metadata.uid },
  }
  const review = async (kind: string, path: string): Promise<boolean> => {
    const body = { apiVersion: "authorization.k8s.io/v1", kind, metadata: { namespace }, spec }
    if (kind === "SubjectAccessReview") body.metadata = { namespace: "" }
    const answer = await t.http("POST", `/apis/authorization.k8s.io/v1/${path}`, { body })
    assert.equal(answer.status, 201, answer.text)
    return answer.json.status.allowed as boolean
  }
  /** Whether the account may, by trying it in its name. */
  const attempt = async (): Promise<boolean> => {
    const answer = await t.http("GET", `/api/v1/namespaces/${namespace}/configmaps`, {
      headers: {
        "impersonate-user": user,
        "impersonate-uid": metadata.uid ?? "",
        "impersonate-group": groups[1] ?? "",
      },
    })
    assert.ok(answer.status === 200 || answer.status === 403, answer.text)
    return answer.status === 200
  }
  const local = `namespaces/${namespace}/localsubjectaccessreviews`
  assert.equal(await attempt(), false)
  assert.equal(await review("SubjectAccessReview", "subjectaccessreviews"), false)
  assert.equal(await review("LocalSubjectAccessReview", local), false)

  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" }
  await t.client.resource(refs.rolebindings).create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { namespace, name: "view" },
    roleRef,
    subjects: [{ kind: "ServiceAccount", name: "e2e", namespace }],
  })
  await t.until("the account to be allowed", attempt)
  assert.equal(await review("SubjectAccessReview", "subjectaccessreviews"), true)
  assert.equal(await review("LocalSubjectAccessReview", local), true)
})
