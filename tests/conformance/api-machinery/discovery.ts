import assert from "node:assert/strict"
import { conformance } from "../support/registry.ts"

interface Group {
  name: string
  versions: { groupVersion: string; version: string }[]
  preferredVersion: { groupVersion: string; version: string }
}

conformance(
  "[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]",
  async (t) => {
    const list = await t.http("GET", "/apis", { headers: { accept: "application/json" } })
    const groups = list.json.groups as Group[]
    assert.ok(groups.length > 10)
    for (const { name } of groups.filter((one) => !one.name.endsWith("example.com"))) {
      const answer = await t.http("GET", `/apis/${name}`)
      assert.equal(answer.status, 200)
      const { kind, preferredVersion, versions } = answer.json as Group & { kind: string }
      assert.equal(kind, "APIGroup")
      const match = versions.find((one) => one.groupVersion === preferredVersion.groupVersion)
      assert.ok(match, `${name} prefers ${preferredVersion.groupVersion}, which it does not have`)
      assert.equal(match.version, preferredVersion.version)
    }
  },
)

conformance(
  "[sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]",
  async (t) => {
    const wanted: [path: string, resource: string][] = [
      ["/api/v1", "namespaces"],
      ["/apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"],
      ["/apis/apiextensions.k8s.io/v1", "customresourcedefinitions"],
      ["/apis/apiregistration.k8s.io/v1", "apiservices"],
      ["/apis/apps/v1", "deployments"],
      ["/apis/authentication.k8s.io/v1", "tokenreviews"],
      ["/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews"],
      ["/apis/autoscaling/v1", "horizontalpodautoscalers"],
      ["/apis/autoscaling/v2", "horizontalpodautoscalers"],
      ["/apis/batch/v1", "jobs"],
      ["/apis/certificates.k8s.io/v1", "certificatesigningrequests"],
      ["/apis/coordination.k8s.io/v1", "leases"],
      ["/apis/discovery.k8s.io/v1", "endpointslices"],
      ["/apis/events.k8s.io/v1", "events"],
      ["/apis/flowcontrol.apiserver.k8s.io/v1", "flowschemas"],
      ["/apis/networking.k8s.io/v1", "ingresses"],
      ["/apis/node.k8s.io/v1", "runtimeclasses"],
      ["/apis/policy/v1", "poddisruptionbudgets"],
      ["/apis/rbac.authorization.k8s.io/v1", "roles"],
      ["/apis/scheduling.k8s.io/v1", "priorityclasses"],
      ["/apis/storage.k8s.io/v1", "storageclasses"],
    ]
    for (const [path, resource] of wanted) {
      const answer = await t.http("GET", path)
      assert.equal(answer.status, 200, path)
      const { kind, groupVersion, resources } = answer.json as {
        kind: string
        groupVersion: string
        resources: { name: string }[]
      }
      assert.equal(kind, "APIResourceList")
      assert.equal(groupVersion, path.replace(/^\/apis?\//, ""))
      assert.ok(
        resources.some(({ name }) => name === resource),
        `${path} has no ${resource}`,
      )
    }
  },
)
