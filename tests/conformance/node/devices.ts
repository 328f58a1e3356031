import { refs, type resourcev1 } from "@ladya/api"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../support/api-operations.ts"
import { conformance } from "../support/registry.ts"

const apiVersion = "resource.k8s.io/v1" as const
const requests: resourcev1.DeviceClaim = {
  requests: [{ name: "req-0", exactly: { deviceClassName: "example.com" } }],
}

conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]", async (t) => {
  await expectDiscovered(t, refs.deviceclasses)
  await expectApiOperations(
    t,
    refs.deviceclasses,
    (name): resourcev1.DeviceClass => ({
      apiVersion,
      kind: "DeviceClass",
      metadata: { name },
      spec: {},
    }),
  )
})

conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const make = (name: string): resourcev1.ResourceClaim => ({
    apiVersion,
    kind: "ResourceClaim",
    metadata: { name, namespace },
    spec: { devices: requests },
  })
  await expectDiscovered(t, refs.resourceclaims, ["status"])
  await expectApiOperations(t, refs.resourceclaims, make, namespace)
  await t.client.resource(refs.resourceclaims).create(make("claim"))
  await expectStatusOperations(t, refs.resourceclaims, "claim", { allocation: { devices: {} } }, namespace)
})

conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate [Conformance]", async (t) => {
  const namespace = await t.namespace()
  await expectDiscovered(t, refs.resourceclaimtemplates)
  await expectApiOperations(
    t,
    refs.resourceclaimtemplates,
    (name): resourcev1.ResourceClaimTemplate => ({
      apiVersion,
      kind: "ResourceClaimTemplate",
      metadata: { name, namespace },
      spec: { spec: { devices: requests } },
    }),
    namespace,
  )
})

conformance("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice [Conformance]", async (t) => {
  await expectDiscovered(t, refs.resourceslices)
  await expectApiOperations(
    t,
    refs.resourceslices,
    (name): resourcev1.ResourceSlice => ({
      apiVersion,
      kind: "ResourceSlice",
      metadata: { name },
      spec: {
        nodeName: "no-such-node",
        driver: "dra.example.com",
        pool: { name: "cluster", resourceSliceCount: 1, generation: 1 },
        devices: [{ name: "device" }],
      },
    }),
  )
})
