import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { deepCopy } from "../objects/copy.ts"
import { jsonEqual } from "../objects/equality.ts"
import { type Applied, applyConfiguration } from "./apply.ts"
import { compareObjects } from "./compare.ts"
import { fieldSetOf } from "./configuration.ts"
import { encodeManaged, type Managed } from "./entries.ts"
import {
  canonicalSet,
  differenceSets,
  equalSets,
  type FieldSet,
  intersectSets,
  isEmptySet,
  membersOf,
  unionSets,
} from "./field-set.ts"
import { nothingOf, recordUpdate, updateManaged } from "./ownership.ts"
import { contextAt, type Thing, thing, thingType } from "./thing.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const runs = { numRuns: 150 }
const name = fc.constantFrom("a", "b", "c", "d")
const text = fc.constantFrom("1", "2", "3")
const strings = fc.uniqueArray(name, { maxLength: 4 })
const labels = fc.dictionary(fc.constantFrom("x", "y", "constructor"), text, { maxKeys: 3, noNullPrototype: true })
const partly = { requiredKeys: [], noNullPrototype: true } satisfies { requiredKeys: never[]; noNullPrototype: boolean }
const port = fc.record(
  { port: fc.integer({ min: 1, max: 3 }), protocol: fc.constantFrom("TCP", "UDP"), name: text },
  { requiredKeys: ["port", "protocol"], noNullPrototype: true },
)
const item = fc.record(
  { name, value: text, ports: fc.uniqueArray(port, { maxLength: 3, selector: (p) => `${p.port}${p.protocol}` }) },
  { requiredKeys: ["name"], noNullPrototype: true },
)
const spec = fc.record(
  {
    replicas: fc.integer({ min: 0, max: 3 }),
    selector: fc.record({ matchLabels: labels }, partly),
    template: fc.record({ image: text, note: text }, partly),
    nested: fc.record({ a: text, b: text, deep: fc.record({ a: text }, partly) }, partly),
    tags: strings,
    args: strings,
    limits: labels,
    items: fc.uniqueArray(item, { maxLength: 3, selector: (entry) => entry.name }),
    anything: fc.record({ p: labels, q: strings }, partly),
  },
  partly,
)

// As decoding leaves it: no empty lists and maps, no structs without content.
const things = fc
  .record({ spec, labels }, { noNullPrototype: true })
  .map(({ spec: inner, labels: own }) => tidy(thing(inner, { labels: own })) as Thing)

function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy)
  if (typeof value !== "object" || value === null) return value
  const out: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    const inner = tidy(field)
    if (typeof inner === "object" && inner !== null && Object.keys(inner).length === 0) continue
    out[key] = inner
  }
  return out
}

const sets = things.map((object) => canonicalSet(fieldSetOf(thingType, object)))
const pathsOf = (set: FieldSet): Set<string> => new Set([...membersOf(set)].map((path) => path.join(" ")))

function standing(live: Thing | undefined, outcome: Applied): Thing {
  const object = deepCopy((outcome.object ?? live) as Thing)
  delete object.metadata.managedFields
  if (outcome.managedFields) object.metadata.managedFields = outcome.managedFields
  return tidyThing(object)
}

function tidyThing(object: Thing): Thing {
  const { managedFields, ...metadata } = object.metadata
  const result = tidy({ ...object, metadata: { ...metadata, uid: "1" } }) as Thing
  if (managedFields) result.metadata.managedFields = managedFields
  return result
}

const apply = (live: Thing | undefined, config: Thing, manager: string, force = false): Thing =>
  standing(live, applyConfiguration(contextAt(1), live, config, { manager, force }))

const bare = (object: Thing): unknown => {
  const { managedFields: _managedFields, uid: _uid, ...metadata } = object.metadata
  return sortLists({ ...object, metadata })
}

function sortLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortLists).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sortLists(field)]),
  )
}

test("sets are sets of paths", () => {
  fc.assert(
    fc.property(sets, sets, (a, b) => {
      const left = pathsOf(a)
      const right = pathsOf(b)
      assert.deepEqual(sortedPaths(unionSets(a, b)), [...new Set([...left, ...right])].sort())
      assert.deepEqual(sortedPaths(differenceSets(a, b)), [...left].filter((path) => !right.has(path)).sort())
      assert.deepEqual(sortedPaths(intersectSets(a, b)), [...left].filter((path) => right.has(path)).sort())
      assert.ok(isEmptySet(differenceSets(a, a)))
      assert.equal(unionSets(a, a), a)
      assert.ok(equalSets(a, JSON.parse(JSON.stringify(a)) as FieldSet))
      assert.equal(canonicalSet(a), a)
    }),
    runs,
  )
})

const sortedPaths = (set: FieldSet): string[] => [...pathsOf(set)].sort()

test("an object is like itself, and a comparison turns around", () => {
  fc.assert(
    fc.property(things, things, (a, b) => {
      assert.equal(compareObjects(thingType, a, deepCopy(a)), undefined)
      const there = compareObjects(thingType, a, b)
      const back = compareObjects(thingType, b, a)
      assert.deepEqual(sortedPaths(there?.added ?? {}), sortedPaths(back?.removed ?? {}))
      assert.deepEqual(sortedPaths(there?.modified ?? {}), sortedPaths(back?.modified ?? {}))
    }),
    runs,
  )
})

test("applying twice is applying once", () => {
  fc.assert(
    fc.property(things, things, (other, config) => {
      const live = apply(undefined, other, "other")
      const once = apply(live, config, "me", true)
      const again = applyConfiguration(contextAt(9), once, config, { manager: "me", force: false })
      assert.equal(again.managedFields, once.metadata.managedFields)
      assert.ok(again.object === undefined || jsonEqual(bare(tidyThing(deepCopy(again.object) as Thing)), bare(once)))
    }),
    runs,
  )
})

test("applying what came out changes nothing", () => {
  fc.assert(
    fc.property(things, things, (other, config) => {
      const live = apply(undefined, other, "other")
      const once = apply(live, config, "me", true)
      const { managedFields: _managedFields, ...metadata } = once.metadata
      const again = apply(once, { ...once, metadata }, "me")
      assert.deepEqual(bare(again), bare(once))
    }),
    runs,
  )
})

test("no field is lost: what is applied stands there, what others own stays", () => {
  fc.assert(
    fc.property(things, things, things, (other, before, config) => {
      const live = apply(apply(undefined, before, "me"), other, "other", true)
      const next = apply(live, config, "me", true)
      const fields = fieldSetOf(thingType, next)
      assert.ok(isEmptySet(differenceSets(fieldSetOf(thingType, config), fields)))
      for (const entry of next.metadata.managedFields ?? []) {
        assert.ok(
          isEmptySet(differenceSets((entry.fieldsV1 ?? {}) as FieldSet, fields)),
          JSON.stringify(entry.fieldsV1),
        )
      }
    }),
    runs,
  )
})

const nothing = tidy(thing({})) as Thing

test("what was applied alone goes when it is said no more", () => {
  fc.assert(
    fc.property(things, (config) => {
      const live = apply(undefined, config, "me")
      assert.deepEqual(bare(apply(live, nothing, "me")), bare(nothing))
    }),
    runs,
  )
})

/** Only what this applier has for itself. */
function ownPart(object: Thing, prefix: string): Thing {
  const source = object.spec ?? {}
  const items = (source["items"] ?? []) as { name: string }[]
  const own: Record<string, unknown> = {}
  if (items.length > 0) own["items"] = items.map((entry) => ({ ...entry, name: prefix + entry.name }))
  if (source["tags"]) own["tags"] = (source["tags"] as string[]).map((tag) => prefix + tag)
  for (const key of prefix === "l" ? ["replicas", "args", "selector"] : ["limits", "template", "nested"]) {
    if (source[key] !== undefined) own[key] = source[key]
  }
  const names = Object.entries(object.metadata.labels ?? {}).map(([key, value]) => [prefix + key, value])
  return thing(own, names.length > 0 ? { labels: Object.fromEntries(names) } : {})
}

test("two appliers of different fields may come in either order", () => {
  fc.assert(
    fc.property(things, things, things, things, (a, b, nextA, nextB) => {
      const [left, right] = [ownPart(a, "l"), ownPart(b, "r")]
      const one = apply(apply(undefined, left, "l"), right, "r")
      const two = apply(apply(undefined, right, "r"), left, "l")
      assert.deepEqual(bare(one), bare(two))
      const [later, last] = [ownPart(nextA, "l"), ownPart(nextB, "r")]
      assert.deepEqual(bare(apply(apply(one, later, "l"), last, "r")), bare(apply(apply(two, last, "r"), later, "l")))
    }),
    runs,
  )
})

test("after any updates every field that changed has an owner, and no owner has a field that is not there", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(things, name), { minLength: 1, maxLength: 6 }), (writes) => {
      let live: Thing | undefined
      for (const [object, manager] of writes) {
        const managedFields = recordUpdate(contextAt(1), live, object, manager)
        live = { ...object, metadata: { ...object.metadata, uid: "1", ...(managedFields ? { managedFields } : {}) } }
        if (!managedFields) return
      }
      const owned = (live?.metadata.managedFields ?? []).reduce<FieldSet>(
        (all, entry) => unionSets(all, (entry.fieldsV1 ?? {}) as FieldSet),
        {},
      )
      const whole = compareObjects(thingType, thing({}), live as Thing, new Set(["metadata"]))?.added ?? {}
      const spec = owned["f:spec"] ? { "f:spec": owned["f:spec"] } : {}
      const missing = sortedPaths(differenceSets(whole, spec))
      assert.deepEqual(missing, [])
    }),
    runs,
  )
})

// Odd ones too: empty, absent, null, twice there.
const odd = fc
  .record({ spec, labels }, { noNullPrototype: true })
  .chain(({ spec: inner, labels: own }) =>
    fc.record({
      inner: fc.constant(inner),
      own: fc.constant(own),
      tags: fc.constantFrom<unknown>(undefined, null, [], ["a"], ["a", "a"], [null]),
      args: fc.constantFrom<unknown>(undefined, null, [], ["x"], [""], [[]]),
      anything: fc.constantFrom<unknown>(undefined, null, {}, { p: {} }, { p: null }, { p: [], q: [{}] }, "s", "", 0),
      nested: fc.constantFrom<unknown>(
        undefined,
        null,
        {},
        { deep: {} },
        { deep: null },
        { a: null },
        { a: undefined },
      ),
      selector: fc.constantFrom<unknown>(undefined, null, {}, { matchLabels: {} }, { matchLabels: { a: "" } }),
    }),
  )
  .map(({ inner, own, ...more }) => thing({ ...inner, ...more } as never, { labels: own }))

test("what is owned of a new object is remembered for those with the same fields, and is what comparing says", () => {
  const context = contextAt(0)
  fc.assert(
    fc.property(fc.oneof(things, odd), (object) => {
      const managed = new Map<string, Managed>()
      updateManaged(context, nothingOf(object), object, managed, "m")
      const want = encodeManaged(managed.values())
      assert.deepEqual(recordUpdate(context, undefined, object, "m"), want)
      assert.deepEqual(recordUpdate(context, undefined, deepCopy(object), "m"), want)
    }),
    { numRuns: 3000 },
  )
})
