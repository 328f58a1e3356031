import assert from "node:assert/strict"
import { test } from "node:test"
import { create, update } from "../../testing/harness.ts"

const storageClass = (more: object): unknown => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "s" },
  provisioner: "a.b/c",
  ...more,
})

const zones = (values: string[]) => ({ matchLabelExpressions: [{ key: "topology.kubernetes.io/zone", values }] })

test("validation: topologies named twice or not at all", () => {
  const allowedTopologies = [
    {
      matchLabelExpressions: [
        { key: "a", values: ["x", "x"] },
        { key: "a", values: [] },
      ],
    },
    zones(["z"]),
    zones(["z"]),
  ]
  assert.deepEqual(create(storageClass({ allowedTopologies })).errors, [
    'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "x"',
    "allowedTopologies[0].matchLabelExpressions[1].values: Required value",
    'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "a"',
    'allowedTopologies[2].matchLabelExpressions: Duplicate value: ""',
  ])
})

test("topologies of a class stay", () => {
  const { object, errors } = create(storageClass({ allowedTopologies: [zones(["z"])] }))
  assert.deepEqual(errors, [])
  const changed = update(object, (draft: { allowedTopologies: unknown }) => {
    draft.allowedTopologies = [zones(["y"])]
  })
  assert.equal(changed.errors.length, 1)
  assert.match(changed.errors[0] ?? "", /^allowedTopologies: Invalid value: .*: field is immutable$/)
})

test("validation: tokens of a driver", () => {
  const driver = {
    apiVersion: "storage.k8s.io/v1",
    kind: "CSIDriver",
    metadata: { name: "a.b" },
    spec: { tokenRequests: [{ audience: "a", expirationSeconds: 1 }, { audience: "a" }] },
  }
  assert.deepEqual(create(driver).errors, [
    "spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
    'spec.tokenRequests[1].audience: Duplicate value: "a"',
  ])
})
