import assert from "node:assert/strict"
import { test } from "node:test"
import { kindByResource } from "@ladya/api"
import { newStoredShape } from "./shape.ts"

const kind = kindByResource({ group: "apps", version: "v1", resource: "deployments" })
assert.ok(kind)
const shape = newStoredShape(kind)
const object = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "a", namespace: "b" },
  spec: { replicas: 1 },
}

function spliced(value: Buffer): unknown {
  const target = Buffer.alloc(value.length + shape.revisionLength(42))
  assert.equal(shape.splice(value, 42, target, 0), target.length)
  return JSON.parse(target.toString())
}

test("the resourceVersion is put in without decoding", () => {
  const value = shape.encode({ ...object, metadata: { ...object.metadata, resourceVersion: "7" } })
  assert.ok(!value.includes("resourceVersion"))
  assert.deepEqual(spliced(value), { ...object, metadata: { resourceVersion: "42", ...object.metadata } })
})

test("an object kept under a version of another length stays whole", () => {
  const old = { ...object, apiVersion: "apps/v1beta1" }
  const value = Buffer.from(
    JSON.stringify({ kind: old.kind, apiVersion: old.apiVersion, metadata: old.metadata, spec: old.spec }),
  )
  assert.deepEqual(spliced(value), { ...old, metadata: { resourceVersion: "42", ...old.metadata } })
})
