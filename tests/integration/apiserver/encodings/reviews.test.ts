import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { newMemoryStore } from "@ladya/store"
import { systemClock } from "@ladya/util"
import { startSecureServer } from "../../secure-server.ts"
import { type Decoded, decode, encode, protobuf } from "./protobuf-client.ts"

test("reviews and tokens in protobuf", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  t.after(() => store.close())
  const server = await startSecureServer(t, store)
  const metadata = { name: "robot", namespace: "kube-system" }
  await server.client.resource(refs.serviceaccounts).create({ kind: "ServiceAccount", apiVersion: "v1", metadata })
  const ask = async (path: string, body: { kind: string; apiVersion: string }): Promise<Decoded> => {
    const answer = await server.http("POST", path, {
      body: encode(body),
      headers: { "Content-Type": protobuf, Accept: protobuf },
      credentials: server.pki.admin,
    })
    assert.equal(answer.status, 201, answer.bytes.toString())
    return decode(answer.bytes)
  }
  const request = await ask("/api/v1/namespaces/kube-system/serviceaccounts/robot/token", {
    ...{ kind: "TokenRequest", apiVersion: "authentication.k8s.io/v1" },
    ...{ spec: { audiences: [], expirationSeconds: 3600 } },
  })
  const { token } = request.status
  assert.ok(Date.parse(request.status.expirationTimestamp) > 0)
  const review = await ask("/apis/authentication.k8s.io/v1/tokenreviews", {
    ...{ kind: "TokenReview", apiVersion: "authentication.k8s.io/v1" },
    ...{ spec: { token } },
  })
  assert.equal(review.status.authenticated, true)
  assert.equal(review.status.user.username, "system:serviceaccount:kube-system:robot")
  assert.ok(review.status.user.extra["authentication.kubernetes.io/credential-id"][0].startsWith("JTI="))
  const authorization = { apiVersion: "authorization.k8s.io/v1" }
  const attributes = { verb: "get", resource: "pods", namespace: "default" }
  const own = await ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    ...{ kind: "SelfSubjectAccessReview", ...authorization },
    ...{ spec: { resourceAttributes: attributes } },
  })
  assert.equal(own.status.allowed, true)
  const others = await ask("/apis/authorization.k8s.io/v1/subjectaccessreviews", {
    ...{ kind: "SubjectAccessReview", ...authorization },
    ...{ spec: { user: "nobody", groups: ["g"], extra: { k: ["a", "b"] }, resourceAttributes: attributes } },
  })
  assert.equal(others.status.allowed, false)
  assert.deepEqual(others.spec.extra, { k: ["a", "b"] })
  const rules = await ask("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    ...{ kind: "SelfSubjectRulesReview", ...authorization },
    ...{ spec: { namespace: "default" } },
  })
  assert.ok(rules.status.resourceRules.length > 0)
  const self = await ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    kind: "SelfSubjectReview",
    apiVersion: "authentication.k8s.io/v1",
  })
  assert.equal(self.status.userInfo.username, "kubernetes-admin")
})
