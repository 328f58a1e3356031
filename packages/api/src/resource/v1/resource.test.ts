import assert from "node:assert/strict"
import { test } from "node:test"
import { cells, create, update } from "../../testing/harness.ts"

const claim = (devices: unknown, version = "v1") => ({
  apiVersion: `resource.k8s.io/${version}`,
  kind: "ResourceClaim",
  metadata: { name: "gpu", namespace: "default" },
  spec: { devices },
})

test("a claim asks for one device unless told", () => {
  const { object, errors } = create(
    claim({ requests: [{ name: "gpu", exactly: { deviceClassName: "gpu.example.com" } }] }),
  )
  assert.deepEqual(errors, [])
  assert.deepEqual((object as unknown as { spec: unknown }).spec, {
    devices: {
      requests: [
        { name: "gpu", exactly: { deviceClassName: "gpu.example.com", allocationMode: "ExactCount", count: 1 } },
      ],
    },
  })
})

test("every wrong field of a claim is named", () => {
  const { errors } = create(
    claim({
      requests: [
        { name: "a", exactly: { deviceClassName: "", allocationMode: "Some" } },
        { name: "a", exactly: { deviceClassName: "x", allocationMode: "All", count: 2 } },
        { name: "c" },
      ],
      constraints: [{ requests: ["zz"], matchAttribute: "model" }],
      config: [{ opaque: { driver: "UPPER", parameters: {} } }],
    }),
  )
  assert.deepEqual(
    errors.map((text) => text.slice(0, text.indexOf(":"))),
    [
      "spec.devices.requests[0].exactly.deviceClassName",
      "spec.devices.requests[0].exactly.allocationMode",
      "spec.devices.requests[1].name",
      "spec.devices.requests[1].exactly.count",
      "spec.devices.requests[2]",
      "spec.devices.constraints[0].requests[0]",
      "spec.devices.constraints[0].matchAttribute",
      "spec.devices.config[0].opaque.driver",
    ],
  )
})

test("a claim's spec is fixed", () => {
  const made = create(claim({ requests: [] })).object
  const { errors } = update(made, (draft: { spec: { devices: unknown } }) => {
    draft.spec.devices = { requests: [{ name: "b", exactly: { deviceClassName: "x" } }] }
  })
  assert.equal(errors.length, 1)
  assert.match(errors[0] ?? "", /^spec: Invalid value: .*field is immutable$/)
})

test("a claim's state is what has happened to it", () => {
  const status = { allocation: {}, reservedFor: [{ resource: "pods", name: "p", uid: "1" }] }
  assert.equal(cells(claim({}))["State"], "pending")
  assert.equal(cells({ ...claim({}), status })["State"], "allocated,reserved")
})

test("a slice belongs to one place and names its devices once", () => {
  const device = { name: "gpu-0", attributes: { model: { string: "a", int: 1 } } }
  const { errors } = create({
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: "s" },
    spec: {
      driver: "gpu.example.com",
      pool: { name: "pool", generation: 0, resourceSliceCount: 0 },
      nodeName: "n1",
      allNodes: true,
      devices: [device, { name: "gpu-0", capacity: { "1bad": { value: "1Gi" } } }],
    },
  })
  assert.deepEqual(
    errors.map((text) => text.slice(0, text.indexOf(":"))),
    [
      "spec.pool.resourceSliceCount",
      "spec",
      "spec.devices[0].attributes[model]",
      "spec.devices[1].capacity",
      "spec.devices[1].name",
    ],
  )
})
