import assert from "node:assert/strict"
import { test } from "node:test"
import { type authenticationv1, refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import { newMemoryStore } from "@ladya/store"
import { systemClock as clock, waitFor } from "@ladya/util"
import { startSecureServer } from "./secure-server.ts"

test("the objects a cluster begins with are made once, mended, and kept", async (t) => {
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const first = await startSecureServer(t, store)
  const { client } = first
  const names = async (ref: Parameters<Client["resource"]>[0], namespace = ""): Promise<string[]> =>
    (await client.resource(ref).list({ namespace })).items.map((item) => item.metadata.name ?? "").sort()
  assert.deepEqual(await names(refs.namespaces), ["default", "kube-node-lease", "kube-public", "kube-system"])
  assert.deepEqual(await names(refs.priorityclasses), ["system-cluster-critical", "system-node-critical"])
  const roles = await names(refs.clusterroles)
  for (const name of [
    "admin",
    "cluster-admin",
    "edit",
    "system:controller:deployment-controller",
    "system:node",
    "view",
  ]) {
    assert.ok(roles.includes(name), name)
  }
  const service = await client.resource(refs.services).get("kubernetes", { namespace: "default" })
  assert.equal(service.spec?.clusterIP, "10.96.0.1")
  const dns = await client.resource(refs.services).get("kube-dns", { namespace: "kube-system" })
  assert.equal(dns.spec?.clusterIP, "10.96.0.10")
  const slice = await client.resource(refs.endpointslices).get("kubernetes", { namespace: "default" })
  assert.deepEqual(slice.endpoints?.[0]?.addresses, ["172.30.0.1"])

  await client.resource(refs.clusterroles).patch("system:discovery", "merge", { rules: [] })
  await client.resource(refs.clusterrolebindings).delete("system:basic-user")
  await first.stop()

  const { pki } = first
  const second = await startSecureServer(t, store, { pki })
  const discovery = await second.client.resource(refs.clusterroles).get("system:discovery")
  assert.ok(discovery.rules?.some((rule) => rule.nonResourceURLs?.includes("/apis/*")))
  await second.client.resource(refs.clusterrolebindings).get("system:basic-user")
  await second.stop()

  const before = await store.currentRevision()
  const third = await startSecureServer(t, store, { pki })
  await third.stop()
  assert.equal(await store.currentRevision(), before, "a start that finds everything writes nothing")
})

test("certificates, tokens and nobody at all get what is theirs over HTTPS", async (t) => {
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const { http, pki, client } = await startSecureServer(t, store)
  const credentials = pki.admin

  for (const path of ["/healthz", "/livez", "/readyz", "/version"])
    assert.equal((await http("GET", path)).status, 200, path)
  const anonymous = await http("GET", "/api/v1/pods")
  assert.deepEqual(
    [anonymous.status, anonymous.json.message],
    [
      403,
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
    ],
  )
  const path = await http("GET", "/metrics")
  assert.deepEqual(
    [path.status, path.json.message],
    [403, 'forbidden: User "system:anonymous" cannot get path "/metrics"'],
  )
  assert.equal((await http("GET", "/api/v1/pods", { headers: { authorization: "Bearer rubbish" } })).status, 401)
  assert.equal((await http("GET", "/api/v1/nodes", { credentials })).status, 200)

  await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace: "default", name: "robot" },
  })
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: {} }
  const made = await http("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", { credentials, body })
  assert.equal(made.status, 201)
  const { token } = (made.json as authenticationv1.TokenRequest).status!
  const headers = { authorization: `Bearer ${token}` }
  const pods = "/api/v1/namespaces/default/pods"
  const refused = await http("GET", pods, { headers })
  assert.deepEqual(
    [refused.status, refused.json.message],
    [
      403,
      'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
  )
  await client.resource(refs.rolebindings).create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { namespace: "default", name: "robot" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "ServiceAccount", name: "robot", namespace: "default" }],
  })
  const isAllowed = async (): Promise<boolean> => (await http("GET", pods, { headers })).status === 200
  await waitFor(clock, isAllowed, { description: "the binding to count", timeoutMs: 60_000 })
  assert.equal((await http("GET", "/api/v1/namespaces/default/secrets", { headers })).status, 403)

  const self = await http("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
    headers,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
  })
  assert.equal(self.json.status.userInfo.username, "system:serviceaccount:default:robot")
  const may = await http("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    headers,
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb: "list", resource: "pods", namespace: "default" } },
    },
  })
  assert.deepEqual([may.status, may.json.status.allowed], [201, true])
  const asEve = await http("GET", pods, { credentials, headers: { "impersonate-user": "eve" } })
  assert.match(asEve.json.message, /User "eve" cannot list/)
  const discovery = await http("GET", "/.well-known/openid-configuration", { headers })
  assert.equal(discovery.json.jwks_uri, "https://kubernetes.default.svc.cluster.local/openid/v1/jwks")

  const node = await pki.issueClientCertificate({ commonName: "system:node:n1", organizations: ["system:nodes"] })
  const register = await http("POST", "/api/v1/nodes", {
    credentials: node,
    body: { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } },
  })
  assert.equal(register.status, 201, JSON.stringify(register.json))
  assert.equal(register.json.spec.taints[0].key, "node.kubernetes.io/not-ready")
  const other = await http("POST", "/api/v1/nodes", {
    credentials: node,
    body: { apiVersion: "v1", kind: "Node", metadata: { name: "n2" } },
  })
  assert.match(other.json.message, /node "n1" is not allowed to modify node "n2"/)
  const secret = await http("GET", "/api/v1/namespaces/default/secrets/x", { credentials: node })
  assert.match(secret.json.message, /no relationship found between node "n1" and this object/)
})

test("a pod is given account, token volume, priority and tolerations on its way in", async (t) => {
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const { client } = await startSecureServer(t, store)
  await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace: "default", name: "default" },
  })
  const { spec } = await client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "p" },
    spec: { containers: [{ name: "c", image: "busybox" }], priorityClassName: "system-node-critical" },
  })
  assert.equal(spec?.serviceAccountName, "default")
  assert.equal(spec?.priority, 2_000_001_000)
  assert.equal(spec?.tolerations?.length, 2)
  assert.match(spec?.volumes?.[0]?.name ?? "", /^kube-api-access-/)
  await assert.rejects(
    client.resource(refs.configmaps).create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: "nowhere", name: "c" },
    }),
    { code: 404, message: 'namespaces "nowhere" not found' },
  )
})
