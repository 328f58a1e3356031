import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"

interface DiscoveryList {
  kind: string
  apiVersion: string
  items: {
    metadata: { name?: string }
    versions: { version: string; resources: { resource: string; responseKind: { kind: string } }[] }[]
  }[]
}

const expected: [group: string, version: string, resource: string][] = [
  ["admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"],
  ["apiextensions.k8s.io", "v1", "customresourcedefinitions"],
  ["apiregistration.k8s.io", "v1", "apiservices"],
  ["apps", "v1", "deployments"],
  ["authentication.k8s.io", "v1", "tokenreviews"],
  ["authorization.k8s.io", "v1", "selfsubjectaccessreviews"],
  ["autoscaling", "v1", "horizontalpodautoscalers"],
  ["autoscaling", "v2", "horizontalpodautoscalers"],
  ["batch", "v1", "jobs"],
  ["certificates.k8s.io", "v1", "certificatesigningrequests"],
  ["coordination.k8s.io", "v1", "leases"],
  ["discovery.k8s.io", "v1", "endpointslices"],
  ["events.k8s.io", "v1", "events"],
  ["networking.k8s.io", "v1", "ingresses"],
  ["node.k8s.io", "v1", "runtimeclasses"],
  ["policy", "v1", "poddisruptionbudgets"],
  ["scheduling.k8s.io", "v1", "priorityclasses"],
  ["storage.k8s.io", "v1", "csinodes"],
]

const aggregated = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`

/** What a client that knows aggregated discovery sends: the aggregated forms first, the plain one as a last resort. */
const clientAccept = `${aggregated("v2")},${aggregated("v2beta1")},application/json`

async function discover(t: ConformanceContext, path: "/api" | "/apis", accept: string): Promise<DiscoveryList> {
  const answer = await t.http("GET", path, { headers: { accept } })
  assert.equal(answer.status, 200)
  const type = String(answer.headers["content-type"])
  assert.ok(type.includes("g=apidiscovery.k8s.io") && type.includes("as=APIGroupDiscoveryList"), type)
  assert.match(type, /v=v2(;|$)/)
  const list = answer.json as DiscoveryList
  assert.deepEqual([list.kind, list.apiVersion], ["APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"])
  return list
}

function has(list: DiscoveryList, group: string, version: string, resource: string): boolean {
  const versions = list.items.find(({ metadata }) => (metadata.name ?? "") === group)?.versions ?? []
  const resources = versions.find((one) => one.version === version)?.resources ?? []
  return resources.some((one) => one.resource === resource && one.responseKind.kind !== "")
}

async function expectBuiltIns(t: ConformanceContext, accept: string): Promise<void> {
  const groups = await discover(t, "/apis", accept)
  for (const [group, version, resource] of expected) {
    assert.ok(has(groups, group, version, resource), `${resource}.${version}.${group} is missing`)
  }
  assert.ok(has(await discover(t, "/api", accept), "", "v1", "namespaces"), "namespaces are missing")
}

async function expectCustomResource(t: ConformanceContext, accept: string): Promise<void> {
  const group = `${t.unique("group")}.example.com`
  const name = `testcrds.${group}`
  t.defer(() => t.client.resource(refs.customresourcedefinitions).delete(name))
  await t.client.resource(refs.customresourcedefinitions).create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "testcrds", singular: "testcrd", kind: "testcrd", listKind: "testcrdList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  })
  await t.until(
    `${name} to be discovered`,
    async () => has(await discover(t, "/apis", accept), group, "v1", "testcrds"),
    30_000,
  )
}

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers [Conformance]",
  (t) => expectBuiltIns(t, aggregated("v2")),
)

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs [Conformance]",
  (t) => expectCustomResource(t, aggregated("v2")),
)

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]",
  (t) => expectBuiltIns(t, clientAccept),
)

conformance(
  "[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs [Conformance]",
  (t) => expectCustomResource(t, clientAccept),
)
