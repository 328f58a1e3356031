import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import fc from "fast-check"
import { deepCopy, deepFreeze } from "../objects/copy.ts"
import type { SchemaSource, TypeSchema } from "../schema.ts"
import type { StatusError } from "../status.ts"
import { applyJsonPatch } from "./json-patch.ts"
import { applyMergePatch, createMergePatch } from "./merge-patch.ts"
import { parsePatch } from "./parse-patch.ts"
import { createStrategicPatch } from "./strategic-diff.ts"
import { applyStrategicPatch } from "./strategic-merge.ts"

// Set another to look elsewhere; what fails names its seed.
fc.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

const types = JSON.parse(
  readFileSync(new URL("../../../api/src/generated/schema.json", import.meta.url), "utf8"),
) as Record<string, TypeSchema>
const source: SchemaSource = (name) => types[name]
const deployment = "io.k8s.api.apps.v1.Deployment"
const pod = "io.k8s.api.core.v1.Pod"

const causeOf = (error: unknown): string => (error as StatusError).status.details?.causes?.[0]?.message ?? ""

const jsonPatches: { name: string; patch: unknown[]; result?: unknown; fails?: string }[] = [
  { name: "add", patch: [{ op: "add", path: "/c", value: 1 }], result: { a: { b: 1 }, l: [1, 2], c: 1 } },
  { name: "append", patch: [{ op: "add", path: "/l/-", value: 3 }], result: { a: { b: 1 }, l: [1, 2, 3] } },
  { name: "insert", patch: [{ op: "add", path: "/l/0", value: 0 }], result: { a: { b: 1 }, l: [0, 1, 2] } },
  { name: "remove", patch: [{ op: "remove", path: "/a/b" }], result: { a: {}, l: [1, 2] } },
  { name: "replace", patch: [{ op: "replace", path: "/l/1", value: 9 }], result: { a: { b: 1 }, l: [1, 9] } },
  { name: "move", patch: [{ op: "move", from: "/a/b", path: "/x~1y" }], result: { a: {}, l: [1, 2], "x/y": 1 } },
  { name: "copy", patch: [{ op: "copy", from: "/a", path: "/a/c" }], result: { a: { b: 1, c: { b: 1 } }, l: [1, 2] } },
  { name: "test", patch: [{ op: "test", path: "/a", value: { b: 1 } }], result: { a: { b: 1 }, l: [1, 2] } },
  { name: "test absent", patch: [{ op: "test", path: "/z", value: null }], result: { a: { b: 1 }, l: [1, 2] } },
  {
    name: "test fails",
    patch: [{ op: "test", path: "/a/b", value: 2 }],
    fails: "testing value /a/b failed: test failed",
  },
  {
    name: "remove nothing",
    patch: [{ op: "remove", path: "/a/z" }],
    fails: "error in remove for path: '/a/z': Unable to remove nonexistent key: z: missing value",
  },
  {
    name: "add below nothing",
    patch: [{ op: "add", path: "/y/z", value: 1 }],
    fails: 'add operation does not apply: doc is missing path: "/y/z": missing value',
  },
  {
    name: "replace nothing",
    patch: [{ op: "replace", path: "/z", value: 1 }],
    fails: 'replace operation does not apply: doc is missing key: "/z": missing value',
  },
  {
    name: "bad index",
    patch: [{ op: "add", path: "/l/9", value: 1 }],
    fails: "Unable to access invalid index: 9: invalid index referenced",
  },
  { name: "bad op", patch: [{ op: "frob", path: "/l" }], fails: "Unexpected kind: frob" },
  {
    name: "prototype",
    patch: [{ op: "add", path: "/__proto__/x", value: 1 }],
    fails: 'add operation does not apply: doc is missing path: "/__proto__/x": missing value',
  },
]

test("JSON patches", () => {
  for (const { name, patch, result, fails } of jsonPatches) {
    const document = deepFreeze({ a: { b: 1 }, l: [1, 2] })
    if (fails === undefined) assert.deepEqual(applyJsonPatch<unknown>(document, patch), result, name)
    else {
      assert.throws(
        () => applyJsonPatch(document, patch),
        (error) => {
          assert.equal(causeOf(error), fails, name)
          assert.equal((error as StatusError).code, 422)
          return true
        },
      )
    }
  }
})

test("patches are bounded", () => {
  const many = JSON.stringify(new Array(10_001).fill({ op: "test", path: "/a", value: 1 }))
  assert.throws(() => parsePatch(many, "json"), { code: 413 })
  assert.throws(() => parsePatch("{}", "json"), { code: 400 })
  assert.throws(() => parsePatch("[]", "merge"), { code: 400, message: "Invalid JSON Patch" })
  assert.throws(() => parsePatch("{", "strategic"), { code: 400, message: "unexpected end of JSON input" })
  const bomb = new Array(60).fill({ op: "copy", from: "/a", path: "/a/-" })
  assert.throws(
    () => applyJsonPatch({ a: [1] }, bomb),
    (error) => causeOf(error).startsWith("Unable to complete the copy"),
  )
})

test("merge patches follow RFC 7386", () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  ]
  for (const [document, patch, result] of cases) assert.deepEqual(applyMergePatch(deepFreeze(document), patch), result)
  const hostile: unknown = JSON.parse('{"__proto__":{"x":1}}')
  assert.equal(Object.getPrototypeOf(applyMergePatch({}, hostile)), Object.prototype)
})

const container = (name: string, image: string) => ({ name, image })

const strategicPatches: { name: string; spec: unknown; patch: unknown; result: unknown }[] = [
  {
    name: "containers merge by name",
    spec: { containers: [container("a", "1"), container("b", "1")] },
    patch: { containers: [container("b", "2"), container("c", "1")] },
    result: { containers: [container("a", "1"), container("b", "2"), container("c", "1")] },
  },
  {
    name: "an item is deleted",
    spec: { containers: [container("a", "1"), container("b", "1")] },
    patch: { containers: [{ name: "a", $patch: "delete" }] },
    result: { containers: [container("b", "1")] },
  },
  {
    name: "a list is replaced",
    spec: { containers: [container("a", "1"), container("b", "1")] },
    patch: { containers: [container("c", "1"), { $patch: "replace" }] },
    result: { containers: [container("c", "1")] },
  },
  {
    name: "a map is replaced",
    spec: { securityContext: { runAsUser: 1 } },
    patch: { securityContext: { $patch: "replace", runAsGroup: 2 } },
    result: { securityContext: { runAsGroup: 2 } },
  },
  {
    name: "the order is set",
    spec: { containers: [container("a", "1"), container("b", "1"), container("s", "1")] },
    patch: { $setElementOrder: undefined, "$setElementOrder/containers": [{ name: "b" }, { name: "a" }] },
    result: { containers: [container("b", "1"), container("a", "1"), container("s", "1")] },
  },
  {
    name: "atomic lists are replaced",
    spec: { tolerations: [{ key: "a" }] },
    patch: { tolerations: [{ key: "b" }] },
    result: { tolerations: [{ key: "b" }] },
  },
  {
    name: "a volume changes its kind",
    spec: { volumes: [{ name: "v", emptyDir: {} }] },
    patch: { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/x" } }] },
    result: { volumes: [{ name: "v", hostPath: { path: "/x" } }] },
  },
  {
    name: "nulls in what is new are dropped",
    spec: {},
    patch: { containers: [{ name: "a", image: null, env: [{ name: "x", $patch: "delete" }] }] },
    result: { containers: [{ name: "a", env: [] }] },
  },
  {
    name: "env merges inside containers",
    spec: { containers: [{ name: "a", env: [{ name: "X", value: "1" }] }] },
    patch: { containers: [{ name: "a", env: [{ name: "Y", value: "2" }] }] },
    result: {
      containers: [
        {
          name: "a",
          env: [
            { name: "Y", value: "2" },
            { name: "X", value: "1" },
          ],
        },
      ],
    },
  },
]

test("strategic merge patches", () => {
  for (const { name, spec, patch, result } of strategicPatches) {
    const clean: unknown = JSON.parse(JSON.stringify(patch))
    assert.deepEqual(
      applyStrategicPatch<unknown>(deepFreeze({ spec }), { spec: clean }, pod, source),
      { spec: result },
      name,
    )
  }
})

test("primitive lists merge", () => {
  const document = { metadata: { finalizers: ["a", "b"] } }
  const patch = { metadata: { finalizers: ["c"], "$deleteFromPrimitiveList/finalizers": ["a"] } }
  assert.deepEqual(applyStrategicPatch<unknown>(document, patch, pod, source), { metadata: { finalizers: ["c", "b"] } })
})

test("strategic patches that mean nothing are refused", () => {
  const document = { spec: { containers: [container("a", "1")] } }
  const bad: [unknown, RegExp, number][] = [
    [{ spec: { $patch: "frob" } }, /unknown patch type found: frob/, 400],
    [{ spec: { "$setElementOrder/containers": 1 } }, /setElementOrder/, 400],
    [{ spec: { $retainKeys: [], a: 1 } }, /retainKeys/, 400],
    [
      { spec: { "$setElementOrder/containers": [{ name: "x" }], containers: [container("y", "1")] } },
      /The order in patch list/,
      400,
    ],
    [{ spec: { containers: [{ image: "x" }] } }, /does not contain declared merge key: name/, 422],
  ]
  for (const [patch, message, code] of bad) {
    assert.throws(
      () => applyStrategicPatch(document, patch, pod, source),
      (error) => {
        assert.match(`${(error as Error).message} ${causeOf(error)}`, message)
        assert.equal((error as StatusError).code, code)
        return true
      },
    )
  }
})

const name = fc.constantFrom("a", "b", "c", "d", "e")
const named = <T extends object>(rest: fc.Arbitrary<T>) =>
  fc.uniqueArray(
    fc.tuple(name, rest).map(([n, fields]) => ({ name: n, ...fields })),
    { selector: (item) => item.name, maxLength: 5 },
  )
const maybe = { requiredKeys: [] as [] }
const volume = fc.oneof(
  fc.record({ emptyDir: fc.record({ medium: name }, maybe) }),
  fc.record({ hostPath: fc.record({ path: name }) }),
)
const containers = named(
  fc.record(
    {
      image: name,
      args: fc.array(name),
      env: named(fc.record({ value: name })),
      ports: fc.uniqueArray(fc.record({ containerPort: fc.nat(3), protocol: name }), {
        selector: (port) => port.containerPort,
      }),
      resources: fc.record({ limits: fc.dictionary(name, name) }),
    },
    maybe,
  ),
)
const objects = fc.record({
  metadata: fc.record(
    { labels: fc.dictionary(name, name), finalizers: fc.uniqueArray(name), annotations: fc.dictionary(name, name) },
    maybe,
  ),
  spec: fc.record(
    {
      replicas: fc.nat(3),
      strategy: fc.oneof(
        fc.constant({ type: "Recreate" }),
        fc.record({ type: fc.constant("RollingUpdate"), rollingUpdate: fc.record({ maxSurge: fc.nat(3) }) }),
      ),
      template: fc.record({
        spec: fc.record({ containers, volumes: named(volume), tolerations: fc.array(fc.record({ key: name })) }, maybe),
      }),
    },
    maybe,
  ),
})
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test("a computed strategic patch makes the modified object, whatever the two are, and again the same", () => {
  fc.assert(
    fc.property(objects, objects, (original, modified) => {
      const patch = createStrategicPatch(deepFreeze(original), deepFreeze(modified), deployment, source)
      const kept = deepCopy(patch)
      const once = applyStrategicPatch<unknown>(original, deepFreeze(patch), deployment, source)
      assert.deepEqual(plain(once), plain(modified))
      assert.deepEqual(plain(applyStrategicPatch<unknown>(once, kept, deployment, source)), plain(modified))
      assert.deepEqual(createStrategicPatch(modified, modified, deployment, source), {})
    }),
    { numRuns: 300 },
  )
})

test("items that share their key are replaced as a whole", () => {
  const of = (...protocols: string[]) => ({
    spec: { containers: [{ name: "a", ports: protocols.map((protocol) => ({ containerPort: 53, protocol })) }] },
  })
  const patch = createStrategicPatch(of("TCP", "UDP"), of("UDP", "SCTP"), pod, source)
  assert.deepEqual(applyStrategicPatch<unknown>(of("TCP", "UDP"), patch, pod, source), of("UDP", "SCTP"))
})

test("a strategic patch loses nothing that it does not name", () => {
  fc.assert(
    fc.property(objects, (original) => {
      const patch = {
        metadata: { labels: { zz: "1" } },
        spec: { template: { spec: { containers: [container("zz", "1")] } } },
      }
      const result = plain(applyStrategicPatch<unknown>(deepFreeze(original), patch, deployment, source))
      const undo = {
        metadata: { labels: { zz: null } },
        spec: { template: { spec: { containers: [{ name: "zz", $patch: "delete" }] } } },
      }
      const back = applyStrategicPatch<typeof original>(result as typeof original, undo, deployment, source)
      assert.deepEqual(
        createStrategicPatch(original, applyMergePatch(back, {}), deployment, source)["status"],
        undefined,
      )
      for (const [key, value] of Object.entries(original.metadata.labels ?? {})) {
        assert.equal(back.metadata.labels?.[key], value)
      }
      assert.deepEqual(
        plain(back.spec.template?.spec.containers ?? []),
        plain(original.spec.template?.spec.containers ?? []),
      )
    }),
  )
})

test("a computed merge patch makes the modified object", () => {
  fc.assert(
    fc.property(objects, objects, (original, modified) => {
      const patch = createMergePatch(original, modified)
      assert.deepEqual(plain(applyMergePatch<unknown>(original, patch)), plain(modified))
    }),
  )
})
