import assert from "node:assert/strict"
import { test } from "node:test"
import type { KubeObject } from "@ladya/apimachinery"
import { behaviours } from "./behaviours.ts"
import { isStorageVersion, kindByGvk, kindByResource, kinds, kindsByStorage } from "./registry.ts"
import { schemaSource } from "./schema-source.ts"

test("every resource has exactly one stored version, and a schema", () => {
  for (const kind of kinds) {
    const stored = kindsByStorage(kind.storage).filter(isStorageVersion)
    assert.equal(stored.length, 1, `${kind.group}/${kind.version} ${kind.resource}`)
    assert.ok(kind.type && schemaSource(kind.type), `${kind.kind} has no schema`)
  }
})

test("every behaviour belongs to a kind", () => {
  for (const key of Object.keys(behaviours)) {
    const [group = "", version = "", kind = ""] = key.split("/")
    assert.ok(kindByGvk({ group, version, kind }), key)
  }
})

const roundTrips: { name: string; group: string; version: string; resource: string; object: object }[] = [
  {
    name: "events.k8s.io events are kept as core events",
    group: "events.k8s.io",
    version: "v1",
    resource: "events",
    object: {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "e", namespace: "n" },
      eventTime: "2024-01-01T00:00:00.000000Z",
      regarding: { kind: "Pod", name: "p" },
      note: "text",
      reportingController: "c",
      deprecatedCount: 3,
    },
  },
  {
    name: "v1 autoscalers are kept as v2",
    group: "autoscaling",
    version: "v1",
    resource: "horizontalpodautoscalers",
    object: {
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: {
        name: "h",
        annotations: { "autoscaling.alpha.kubernetes.io/behavior": '{"scaleUp":{"selectPolicy":"Max"}}' },
      },
      spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3, targetCPUUtilizationPercentage: 80 },
      status: { currentReplicas: 1, desiredReplicas: 2, currentCPUUtilizationPercentage: 50 },
    },
  },
  {
    name: "v1beta1 resource claims",
    group: "resource.k8s.io",
    version: "v1beta1",
    resource: "resourceclaims",
    object: {
      apiVersion: "resource.k8s.io/v1beta1",
      kind: "ResourceClaim",
      metadata: { name: "c" },
      spec: {
        devices: {
          requests: [
            { name: "a", deviceClassName: "gpu", count: 2 },
            { name: "b", firstAvailable: [{ name: "x", deviceClassName: "gpu" }] },
          ],
        },
      },
    },
  },
  {
    name: "v1beta1 resource slices",
    group: "resource.k8s.io",
    version: "v1beta1",
    resource: "resourceslices",
    object: {
      apiVersion: "resource.k8s.io/v1beta1",
      kind: "ResourceSlice",
      metadata: { name: "s" },
      spec: {
        driver: "d",
        pool: { name: "p", generation: 1, resourceSliceCount: 1 },
        devices: [{ name: "x", basic: { allNodes: true } }],
      },
    },
  },
  {
    name: "versions of equal shape differ in apiVersion alone",
    group: "networking.k8s.io",
    version: "v1beta1",
    resource: "ipaddresses",
    object: {
      apiVersion: "networking.k8s.io/v1beta1",
      kind: "IPAddress",
      metadata: { name: "10.0.0.1" },
      spec: { parentRef: { name: "x", resource: "services" } },
    },
  },
]

for (const row of roundTrips) {
  test(row.name, () => {
    const kind = kindByResource(row)
    assert.ok(kind)
    const stored = kind.toStorage(row.object as KubeObject)
    assert.equal(
      stored.apiVersion,
      kind.storage.group ? `${kind.storage.group}/${kind.storage.version}` : kind.storage.version,
    )
    assert.deepEqual(kind.fromStorage(stored), row.object)
  })
}
