import assert from "node:assert/strict"
import { test } from "node:test"
import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import { StatusError } from "../status.ts"
import { applyConfiguration } from "./apply.ts"
import { fieldSetOf } from "./configuration.ts"
import { canonicalSet, membersOf } from "./field-set.ts"
import { mergeConfiguration } from "./merge.ts"
import { recordUpdate } from "./ownership.ts"
import { pathText } from "./path-element.ts"
import { managedFromScale, managedOfScale } from "./scale.ts"
import { contextAt, type Thing, thing, thingType } from "./thing.ts"

const fieldsOf = (entries: ManagedFieldsEntry[] | undefined, manager: string, subresource?: string): unknown =>
  entries?.find((entry) => entry.manager === manager && entry.subresource === subresource)?.fieldsV1

const managersOf = (entries: ManagedFieldsEntry[] | undefined): string[] =>
  (entries ?? []).map(
    (entry) => `${entry.manager} ${entry.operation}${entry.subresource ? ` ${entry.subresource}` : ""}`,
  )

/** Creates, as a client that updates. */
function created(object: Thing, manager = "creator"): Thing {
  const managedFields = recordUpdate(contextAt(1), undefined, object, manager)
  return { ...object, metadata: { ...object.metadata, uid: "1", ...(managedFields ? { managedFields } : {}) } }
}

function updated(live: Thing, next: Thing, manager: string, minute = 2, subresource = ""): Thing {
  const managedFields = recordUpdate(contextAt(minute, subresource), live, next, manager)
  const { managedFields: _old, ...metadata } = next.metadata
  return { ...next, metadata: { ...metadata, uid: "1", ...(managedFields ? { managedFields } : {}) } }
}

function applied(live: Thing | undefined, config: unknown, manager: string, minute = 3, force = false): Thing {
  const outcome = applyConfiguration(contextAt(minute), live, config, { manager, force })
  const { managedFields: _old, ...metadata } = (outcome.object ?? live)?.metadata ?? {}
  const result = { ...(outcome.object ?? live), metadata: { ...metadata, uid: "1" } } as Thing
  if (outcome.managedFields) result.metadata.managedFields = outcome.managedFields
  return result
}

function failure(action: () => unknown): StatusError {
  try {
    action()
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
  throw new Error("nothing was thrown")
}

test("a creation records what was set, structs that are always there left out", () => {
  const object = created(
    thing(
      {
        replicas: 1,
        selector: { matchLabels: { a: "b" } },
        template: { image: "x" },
        nested: { a: "1" },
        args: ["b", "a"],
        tags: ["t"],
        limits: { cpu: "1" },
        items: [{ name: "web", ports: [{ port: 80, protocol: "TCP" }] }],
      },
      { labels: { z: "1", app: "web" } },
    ),
  )
  assert.equal(
    JSON.stringify(fieldsOf(object.metadata.managedFields, "creator")),
    JSON.stringify({
      "f:metadata": { "f:labels": { ".": {}, "f:app": {}, "f:z": {} } },
      "f:spec": {
        "f:args": {},
        "f:items": {
          'k:{"name":"web"}': {
            ".": {},
            "f:name": {},
            "f:ports": { ".": {}, 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {}, "f:protocol": {} } },
            "f:resources": {},
          },
        },
        "f:limits": {},
        "f:nested": { ".": {}, "f:a": {} },
        "f:replicas": {},
        "f:selector": {},
        "f:tags": { ".": {}, 'v:"t"': {} },
        "f:template": { "f:image": {} },
      },
    }),
  )
  assert.deepEqual(
    object.metadata.managedFields?.map(({ fieldsV1: _, ...rest }) => rest),
    [
      {
        manager: "creator",
        operation: "Update",
        apiVersion: "test/v1",
        time: "2024-01-01T00:01:00Z",
        fieldsType: "FieldsV1",
      },
    ],
  )
})

test("an update takes the changed fields over and drops the removed ones from everybody", () => {
  const live = created(thing({ replicas: 1, paused: true, nested: { a: "1", b: "2" } }))
  const next = updated(live, thing({ replicas: 2, nested: { a: "1" } }), "scaler")
  assert.deepEqual(fieldsOf(next.metadata.managedFields, "scaler"), { "f:spec": { "f:replicas": {} } })
  assert.deepEqual(fieldsOf(next.metadata.managedFields, "creator"), {
    "f:spec": { "f:nested": { ".": {}, "f:a": {} } },
  })
})

test("an update that changes nothing leaves the very list, one of the same fields moves the time alone", () => {
  const live = created(thing({ replicas: 1 }))
  const same = recordUpdate(contextAt(2), live, thing({ replicas: 1 }), "other")
  assert.equal(same, live.metadata.managedFields)
  const later = updated(live, thing({ replicas: 2 }), "creator", 5)
  assert.deepEqual(
    later.metadata.managedFields?.map(({ time }) => time),
    ["2024-01-01T00:05:00Z"],
  )
})

test("status is recorded by its subresource alone", () => {
  const live = created({ ...thing({ replicas: 1 }), status: { phase: "x" } })
  assert.deepEqual(fieldsOf(live.metadata.managedFields, "creator"), { "f:spec": { "f:replicas": {} } })
  const next = updated(live, { ...thing({ replicas: 9 }), status: { phase: "y" } }, "kubelet", 2, "status")
  assert.deepEqual(fieldsOf(next.metadata.managedFields, "kubelet", "status"), { "f:status": { "f:phase": {} } })
  assert.deepEqual(fieldsOf(next.metadata.managedFields, "creator"), { "f:spec": { "f:replicas": {} } })
})

const resets: { name: string; given: unknown }[] = [
  { name: "the empty list", given: [] },
  { name: "one empty entry", given: [{}] },
]
for (const { name, given } of resets) {
  test(`managers are forgotten by ${name}, and nobody is recorded before the next apply`, () => {
    const live = created(thing({ replicas: 1 }))
    const asked = thing({ replicas: 1 }, { managedFields: given })
    const next = updated(live, asked, "me")
    assert.equal(next.metadata.managedFields, undefined)
    const later = updated(next, thing({ replicas: 5 }), "me")
    assert.equal(later.metadata.managedFields, undefined)
    const after = applied(later, thing({ replicas: 5 }), "applier")
    assert.deepEqual(managersOf(after.metadata.managedFields), ["applier Apply", "before-first-apply Update"])
  })
}

test("a client may write the managers, damaged ones are not taken", () => {
  const live = created(thing({ replicas: 1 }))
  const entry = live.metadata.managedFields?.[0] as ManagedFieldsEntry
  const renamed = updated(live, thing({ replicas: 1 }, { managedFields: [{ ...entry, manager: "new" }] }), "x")
  assert.deepEqual(managersOf(renamed.metadata.managedFields), ["new Update"])
  for (const bad of [
    { ...entry, operation: "Sing" },
    { ...entry, fieldsV1: { nonsense: {} } },
    { ...entry, apiVersion: "" },
  ]) {
    const kept = updated(live, thing({ replicas: 1 }, { managedFields: [bad] }), "x")
    assert.deepEqual(managersOf(kept.metadata.managedFields), ["creator Update"])
  }
})

test("more than ten updaters are thrown together, the oldest first", () => {
  let live = created(thing({ nested: { a: "0" } }))
  for (let index = 1; index <= 12; index++) {
    const labels = { ...live.metadata.labels, [`l${index}`]: "x" }
    live = updated(
      live,
      { ...live, metadata: { ...live.metadata, labels } },
      `m${String(index).padStart(2, "0")}`,
      index + 1,
    )
  }
  const names = managersOf(live.metadata.managedFields)
  assert.equal(names.length, 10)
  assert.equal(names[0], "ancient-changes Update")
  assert.ok(!names.includes("creator Update") && !names.includes("m01 Update") && names.includes("m12 Update"))
  const total = live.metadata.managedFields?.flatMap((entry) => [...membersOf(entry.fieldsV1 as never)]).map(pathText)
  assert.ok(total?.includes(".spec.nested.a") && total.includes(".metadata.labels.l1"))
})

test("a configuration's fields are its leaves and its items", () => {
  const config = thing(
    {
      replicas: null,
      nested: {},
      items: [{ name: "a", ports: [{ port: 1 }], resources: {} }],
      tags: [],
      anything: { deep: { x: [1] } },
    },
    { labels: { app: "x" } },
  )
  assert.deepEqual(canonicalSet(fieldSetOf(thingType, config)), {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": { "f:labels": { "f:app": {} }, "f:name": {} },
    "f:spec": {
      "f:anything": { "f:deep": { ".": {}, "f:x": {} } },
      "f:items": {
        'k:{"name":"a"}': {
          ".": {},
          "f:name": {},
          "f:ports": { 'k:{"port":1,"protocol":"TCP"}': { ".": {}, "f:port": {} } },
          "f:resources": {},
        },
      },
      "f:nested": {},
      "f:replicas": {},
    },
  })
})

test("conflicts name owner, version and fields; force takes them", () => {
  const live = created(thing({ replicas: 1, paused: false }), "kubectl-client-side-apply")
  const one = failure(() => applied(live, thing({ replicas: 2 }), "me"))
  assert.equal(one.code, 409)
  assert.equal(one.reason, "Conflict")
  assert.equal(
    one.message,
    'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using test/v1: .spec.replicas',
  )
  assert.deepEqual(one.status.details?.causes, [
    {
      reason: "FieldManagerConflict",
      message: 'conflict with "kubectl-client-side-apply" using test/v1',
      field: ".spec.replicas",
    },
  ])
  const owned = applied(live, thing({ nested: { a: "1" }, items: [{ name: "w", value: "1" }] }), "first")
  const two = failure(() =>
    applied(owned, thing({ replicas: 2, nested: { a: "2" }, items: [{ name: "w", value: "2" }] }), "me"),
  )
  assert.equal(
    two.message,
    [
      'Apply failed with 3 conflicts: conflicts with "first":',
      '- .spec.items[name="w"].value',
      "- .spec.nested.a",
      'conflicts with "kubectl-client-side-apply" using test/v1:',
      "- .spec.replicas",
    ].join("\n"),
  )
  const forced = applied(owned, thing({ replicas: 2 }), "me", 4, true)
  assert.equal(forced.spec?.["replicas"], 2)
  assert.deepEqual(fieldsOf(forced.metadata.managedFields, "kubectl-client-side-apply"), {
    "f:spec": { "f:paused": {} },
  })
})

test("the same value is owned by both, and goes when both let go", () => {
  const first = applied(undefined, thing({ replicas: 1, paused: true }), "a")
  const both = applied(first, thing({ replicas: 1 }), "b")
  const left = applied(both, thing({ paused: true }), "a")
  assert.equal(left.spec?.["replicas"], 1)
  const gone = applied(left, { apiVersion: "test/v1", kind: "Thing", metadata: { name: "it" } }, "b")
  assert.deepEqual(gone.spec, { paused: true })
  assert.deepEqual(managersOf(gone.metadata.managedFields), ["a Apply"])
})

test("items and labels that are said no more go, others stay in their order", () => {
  const first = applied(
    undefined,
    thing({ items: [{ name: "a" }, { name: "b", value: "1" }] }, { labels: { x: "1" } }),
    "a",
  )
  const other = updated(
    first,
    { ...first, spec: { items: [{ name: "c" }, { name: "a" }, { name: "b", value: "1" }] } },
    "controller",
  )
  const next = applied(other, thing({ items: [{ name: "d" }, { name: "a", value: "2" }] }), "a")
  assert.deepEqual(next.spec?.["items"], [{ name: "c" }, { name: "d" }, { name: "a", value: "2" }])
  assert.equal(next.metadata.labels, undefined)
})

test("an item of one's own stays when another owns something in it, without one's fields", () => {
  const first = applied(undefined, thing({ items: [{ name: "a", value: "1" }] }), "a")
  const both = applied(first, thing({ items: [{ name: "a", resources: { image: "x" } }] }), "b")
  const next = applied(both, thing({}), "a")
  assert.deepEqual(next.spec?.["items"], [{ name: "a", resources: { image: "x" } }])
})

const orders: { name: string; live: string[]; config: string[]; expected: string[] }[] = [
  { name: "swapped", live: ["a", "b"], config: ["b", "a"], expected: ["b", "a"] },
  { name: "new between", live: ["a", "c"], config: ["a", "b", "c"], expected: ["a", "b", "c"] },
  { name: "others keep their place", live: ["x", "a", "y", "b"], config: ["a", "b"], expected: ["x", "a", "y", "b"] },
  { name: "new at the end", live: ["a", "x"], config: ["a", "n"], expected: ["a", "x", "n"] },
  { name: "swapped around others", live: ["a", "b", "x"], config: ["b", "a", "n"], expected: ["b", "x", "a", "n"] },
]
for (const { name, live, config, expected } of orders) {
  test(`order of merged sets: ${name}`, () => {
    const merged = mergeConfiguration(thingType, thing({ tags: live }), thing({ tags: config })) as Thing
    assert.deepEqual(merged.spec?.["tags"], expected)
  })
}

test("kubectl takes over what it applied on its own side, as long as that still stands", () => {
  const last = JSON.stringify(thing({ replicas: 1, paused: true }))
  const live = created(
    thing({ replicas: 1, paused: true }, { annotations: { "kubectl.kubernetes.io/last-applied-configuration": last } }),
    "kubectl-client-side-apply",
  )
  const next = applied(live, thing({ replicas: 2, paused: true }), "kubectl")
  assert.equal(next.spec?.["replicas"], 2)
  assert.equal(
    next.metadata.annotations?.["kubectl.kubernetes.io/last-applied-configuration"],
    `${JSON.stringify({ apiVersion: "test/v1", kind: "Thing", metadata: { annotations: {}, name: "it" }, spec: { paused: true, replicas: 2 } })}\n`,
  )
  const scaled = updated(live, { ...live, spec: { replicas: 7, paused: true } }, "scaler")
  const error = failure(() => applied(scaled, thing({ replicas: 2, paused: true }), "kubectl"))
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "scaler" using test/v1: .spec.replicas')
})

test("what a configuration must not be", () => {
  const type = (config: unknown): string => failure(() => applied(undefined, config, "a")).message
  assert.equal(type({ apiVersion: "v1", kind: "Pod" }), "invalid object type: /v1, Kind=Pod")
  assert.equal(type(thing({}, { managedFields: [] })), "metadata.managedFields must be nil")
  const typed = "failed to create typed patch object (/it; test/v1, Kind=Thing): "
  assert.equal(type(thing({ replica: 1 })), `${typed}.spec.replica: field not declared in schema`)
  assert.equal(type(thing({ replicas: "1" })), `${typed}.spec.replicas: expected numeric (int or float), got string`)
  assert.equal(
    type(thing({ items: [{ name: "a" }, { name: "a", value: 1 }] })),
    `${typed}errors:\n  .spec.items: duplicate entries for key [name="a"]\n  .spec.items[name="a"].value: expected string, got &value.valueUnstructured{Value:1}`,
  )
})

test("a scale shows who owns the replicas and gives them back", () => {
  const live = applied(undefined, thing({ replicas: 1, paused: true }), "a")
  const shown = managedOfScale(live, "autoscaling/v1")
  assert.deepEqual(
    shown?.map(({ manager, apiVersion, fieldsV1 }) => ({ manager, apiVersion, fieldsV1 })),
    [{ manager: "a", apiVersion: "autoscaling/v1", fieldsV1: { "f:spec": { "f:replicas": {} } } }],
  )
  const back = managedFromScale(live, [
    {
      manager: "kubectl",
      operation: "Update",
      apiVersion: "autoscaling/v1",
      subresource: "scale",
      time: "2024-01-01T00:09:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    },
  ])
  assert.deepEqual(managersOf(back), ["a Apply", "kubectl Update scale"])
  assert.deepEqual(fieldsOf(back, "a"), { "f:spec": { "f:paused": {} } })
  assert.equal(back?.[1]?.apiVersion, "test/v1")
})
