import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText } from "../field-error.ts"
import {
  isConfigMapKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isEnvVarName,
  isLabelValue,
  isPortName,
  isQualifiedName,
} from "./names.ts"
import { carryObjectMeta, validateObjectMeta, validateObjectMetaUpdate } from "./object-meta.ts"

const checks: [string, (text: string) => string[], string[], string[]][] = [
  ["label", isDns1123Label, ["a", "0", "a-b", "x".repeat(63)], ["", "-a", "a-", "A", "a.b", "x".repeat(64)]],
  ["subdomain", isDns1123Subdomain, ["a.b", "1.2.3"], ["", "a..b", ".a", "a_b", "x".repeat(254)]],
  ["1035", isDns1035Label, ["a1"], ["1a", ""]],
  ["qualified", isQualifiedName, ["a", "A_b.c", "example.com/a"], ["", "a/", "/a", "a/b/c", "A.com/b", "-a"]],
  ["value", isLabelValue, ["", "a", "A.b_c-1"], ["-", "a ", "x".repeat(64)]],
  ["port", isPortName, ["http", "a1-b"], ["", "80", "a--b", "-a", "Http", "abcdefghijklmnop"]],
  ["env", isEnvVarName, ["A", "a.b", "1", "a b"], ["", "a=b", "ä"]],
  ["key", isConfigMapKey, ["a", ".a", "a.b"], ["", ".", "..", "..a", "a/b"]],
]

test("names", () => {
  for (const [name, check, good, bad] of checks) {
    for (const text of good) assert.deepEqual(check(text), [], `${name} ${text}`)
    for (const text of bad) assert.notDeepEqual(check(text), [], `${name} ${text}`)
  }
})

test("hostile lengths end at once", () => {
  assert.equal(isDns1123Subdomain(`${"a-".repeat(5_000_000)}!`).length, 1)
  assert.equal(isQualifiedName(`${"a".repeat(5_000_000)}!`).length, 1)
})

test("metadata of a new object", () => {
  const texts = validateObjectMeta(
    {
      labels: { a: "b c" },
      ownerReferences: [{ apiVersion: "", kind: "Pod", name: "x", uid: "" }],
      finalizers: ["mine"],
      managedFields: [{ operation: "Create" }],
    },
    { namespaced: true },
  ).map((error) => fieldErrorText(error).split(" (e.g.")[0])
  assert.deepEqual(texts, [
    "metadata.name: Required value: name or generateName is required",
    "metadata.namespace: Required value",
    `metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
    'metadata.ownerReferences.uid: Invalid value: "": uid must not be empty',
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    'metadata.managedFields[0].operation: Invalid value: "Create": must be `Apply` or `Update`',
  ])
  assert.deepEqual(validateObjectMeta({ name: "a", generateName: "a-" }, { namespaced: false }), [])
  const large = validateObjectMeta({ name: "a", annotations: { a: "x".repeat(256 * 1024) } }, { namespaced: false })
  assert.deepEqual(large.map(fieldErrorText), ["metadata.annotations: Too long: may not be more than 262144 bytes"])
})

test("metadata of an update", () => {
  const previous = {
    name: "a",
    uid: "u",
    resourceVersion: "1",
    creationTimestamp: "2024-01-01T00:00:00Z",
    generation: 2,
  }
  const draft = { name: "b", resourceVersion: "1", generation: 1 }
  carryObjectMeta(draft, previous)
  assert.deepEqual(validateObjectMetaUpdate(draft, previous).map(fieldErrorText), [
    "metadata.generation: Invalid value: 1: must not be decremented",
    'metadata.name: Invalid value: "b": field is immutable',
  ])
  const dying = { ...previous, deletionTimestamp: "2024-01-01T00:00:00Z", finalizers: ["a.b/c"] }
  assert.deepEqual(validateObjectMetaUpdate({ ...dying, finalizers: ["a.b/d"] }, dying).map(fieldErrorText), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d"}',
  ])
})
