import assert from "node:assert/strict"
import { test } from "node:test"
import { create, update } from "../../testing/harness.ts"

const attributesClass = { apiVersion: "storage.k8s.io/v1", kind: "VolumeAttributesClass", metadata: { name: "fast" } }
const capacity = {
  apiVersion: "storage.k8s.io/v1",
  kind: "CSIStorageCapacity",
  metadata: { name: "c", namespace: "d" },
}

test("a volume attributes class names its driver and at least one parameter", () => {
  assert.deepEqual(create(attributesClass).errors, [
    "driverName: Required value",
    "parameters: Required value: must contain at least one key/value pair",
  ])
})

test("a volume attributes class is fixed", () => {
  const made = create({ ...attributesClass, driverName: "csi.example.com", parameters: { iops: "1" } })
  assert.deepEqual(made.errors, [])
  const { errors } = update(made.object, (draft: { parameters: object }) => {
    draft.parameters = { iops: "2" }
  })
  assert.deepEqual(errors, ['parameters: Invalid value: {"iops":"2"}: field is immutable'])
})

test("a storage capacity is a quantity of a class", () => {
  assert.deepEqual(create({ ...capacity, storageClassName: "fast", capacity: "10Gi" }).errors, [])
  assert.deepEqual(create({ ...capacity, storageClassName: "Fast!", capacity: "-1" }).errors.length, 2)
})
