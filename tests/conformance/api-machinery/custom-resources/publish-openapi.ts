import assert from "node:assert/strict"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { type Definition, define, definitionOf, redefine, versionOf } from "./support.ts"

const prefix = "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin]"

const bars = {
  description: "List of Bars and their specs.",
  type: "array",
  items: {
    type: "object",
    required: ["name"],
    properties: {
      name: { description: "Name of Bar.", type: "string" },
      age: { description: "Age of Bar.", type: "string" },
      feeling: { description: "Feeling of Bar.", type: "string", enum: ["Great", "Down"] },
      bazs: { description: "List of Bazs.", items: { type: "string" }, type: "array" },
    },
  },
}
const foo = {
  description: "Foo CRD for Testing",
  type: "object",
  properties: {
    spec: { type: "object", description: "Specification of Foo", properties: { bars } },
    status: {
      type: "object",
      description: "Status of Foo",
      properties: { bars: { type: "array", items: { type: "string" } } },
    },
  },
}
const waldo = {
  description: "Waldo CRD for Testing",
  type: "object",
  properties: {
    spec: {
      description: "Specification of Waldo",
      type: "object",
      properties: { dummy: { description: "Dummy property.", type: "object" } },
    },
  },
}

const typeName = ({ spec }: Definition, version: string): string =>
  `${spec.group.split(".").reverse().join(".")}.${version}.${spec.names.kind}`

type Published = Record<string, unknown> & { properties?: Record<string, unknown> }

async function published(
  t: ConformanceContext,
  definition: Definition,
  version: string,
): Promise<Published | undefined> {
  const { json } = await t.http("GET", "/openapi/v2")
  return json.definitions[typeName(definition, version)] as Published | undefined
}

/** Waits until the documents of both versions of OpenAPI show the schema, or none. */
async function untilPublished(
  t: ConformanceContext,
  definition: Definition,
  version: string,
  schema: (object & { properties?: object }) | "none",
): Promise<void> {
  await t.until(`${version} of ${definition.metadata.name} in the API documents`, async () => {
    const found = await published(t, definition, version)
    const document = await t.http("GET", `/openapi/v3/apis/${definition.spec.group}/${version}`)
    if (schema === "none")
      return !found && (document.status === 404 || !document.json.components?.schemas?.[typeName(definition, version)])
    return found !== undefined && document.status === 200
  })
  if (schema === "none" || !schema.properties) return
  const {
    "x-kubernetes-group-version-kind": _gvk,
    properties,
    ...rest
  } = (await published(t, definition, version)) as Published
  const { apiVersion: _a, kind: _k, metadata: _m, ...own } = properties ?? {}
  assert.deepEqual({ ...rest, properties: own }, schema)
}

const objectText = ({ spec }: Definition, version: string, fields: object): string =>
  JSON.stringify({
    apiVersion: `${spec.group}/${version}`,
    kind: spec.names.kind,
    metadata: { name: "test-cr" },
    ...fields,
  })

interface Checked {
  accepts: readonly object[]
  refuses?: readonly { fields: object; why: RegExp }[]
}

/** What `kubectl create` and `kubectl apply` make of objects. */
async function checkWithKubectl(
  t: ConformanceContext,
  definition: Definition,
  version: string,
  checked: Checked,
): Promise<void> {
  const namespace = await t.namespace()
  const base = ["--namespace", namespace]
  for (const fields of checked.accepts) {
    const input = objectText(definition, version, fields)
    await t.kubectl([...base, "create", "-f", "-"], { input })
    await t.kubectl([...base, "delete", definition.spec.names.plural, "test-cr"])
    await t.kubectl([...base, "apply", "-f", "-"], { input })
    await t.kubectl([...base, "delete", definition.spec.names.plural, "test-cr"])
  }
  for (const { fields, why } of checked.refuses ?? []) {
    for (const verb of ["create", "apply"]) {
      const input = objectText(definition, version, fields)
      const outcome = await t.tryKubectl([...base, verb, "-f", "-"], { input })
      assert.notEqual(outcome.code, 0, outcome.stdout)
      assert.match(outcome.stderr, why)
    }
  }
}

const explain = (t: ConformanceContext, what: string): Promise<string> => t.kubectl(["explain", what])

conformance(`${prefix} works for CRD with validation schema [Conformance]`, async (t) => {
  const definition = await define(t, definitionOf(t, [versionOf("v1", foo)]))
  await untilPublished(t, definition, "v1", foo)
  await checkWithKubectl(t, definition, "v1", {
    accepts: [
      { spec: { bars: [{ name: "test-bar" }] } },
      { spec: { bars: [{ name: "b", feeling: "Great", bazs: ["x"] }] } },
    ],
    refuses: [
      { fields: { foo: true }, why: /unknown field "foo"/ },
      { fields: { spec: { bars: [{ name: "b", foo: 1 }] } }, why: /unknown field "spec\.bars\[0\]\.foo"/ },
      { fields: { spec: { bars: [{ age: "10" }] } }, why: /spec\.bars\[0\]\.name: Required value/ },
      { fields: { spec: { bars: [{ name: "b", feeling: "NonExist" }] } }, why: /Unsupported value: "NonExist"/ },
    ],
  })
  const { plural } = definition.spec.names
  assert.match(
    await explain(t, plural),
    /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
  )
  assert.match(
    await explain(t, `${plural}.metadata`),
    /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
  )
  assert.match(
    await explain(t, `${plural}.spec`),
    /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
  )
  assert.match(
    await explain(t, `${plural}.spec.bars`),
    /bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
  )
  const missing = await t.tryKubectl(["explain", `${plural}.spec.bars2`])
  assert.notEqual(missing.code, 0)
  assert.match(missing.stderr, /field "bars2" does not exist/)
})

conformance(`${prefix} works for CRD without validation schema [Conformance]`, async (t) => {
  const definition = await define(t, definitionOf(t, [versionOf("v1")]))
  await untilPublished(t, definition, "v1", {})
  await checkWithKubectl(t, definition, "v1", { accepts: [{ foo: { any: [1, "two"] } }] })
  assert.match(await explain(t, definition.spec.names.plural), /DESCRIPTION:\s+<empty>/)
})

conformance(`${prefix} works for CRD preserving unknown fields at the schema root [Conformance]`, async (t) => {
  const schema = {
    ...foo,
    description: "preserve-unknown-properties at root for Testing",
    "x-kubernetes-preserve-unknown-fields": true,
  }
  const definition = await define(t, definitionOf(t, [versionOf("v1", schema)]))
  await untilPublished(t, definition, "v1", {})
  await checkWithKubectl(t, definition, "v1", {
    accepts: [{ anything: { goes: true }, spec: { bars: [{ name: "b" }] } }],
  })
  const { kind, plural } = definition.spec.names
  assert.match(await explain(t, plural), new RegExp(`KIND:\\s+${kind}`))
})

conformance(`${prefix} works for CRD preserving unknown fields in an embedded object [Conformance]`, async (t) => {
  const nested = { description: "Specification of Waldo", type: "object", "x-kubernetes-preserve-unknown-fields": true }
  const schema = {
    description: "preserve-unknown-properties in nested field for Testing",
    type: "object",
    properties: { spec: nested },
  }
  const definition = await define(t, definitionOf(t, [versionOf("v1", schema)]))
  await untilPublished(t, definition, "v1", {})
  await checkWithKubectl(t, definition, "v1", { accepts: [{ spec: { b: [{ c: "d" }] } }] })
  assert.match(
    await explain(t, definition.spec.names.plural),
    /DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s,
  )
})

conformance(`${prefix} works for multiple CRDs of different groups [Conformance]`, async (t) => {
  const first = await define(t, definitionOf(t, [versionOf("v1", foo)]))
  const second = await define(t, definitionOf(t, [versionOf("v1", waldo)]))
  assert.notEqual(first.spec.group, second.spec.group)
  await untilPublished(t, first, "v1", foo)
  await untilPublished(t, second, "v1", waldo)
})

conformance(`${prefix} works for multiple CRDs of same group but different versions [Conformance]`, async (t) => {
  const both = await define(t, definitionOf(t, [versionOf("v2", foo), versionOf("v3", foo)]))
  await untilPublished(t, both, "v2", foo)
  await untilPublished(t, both, "v3", foo)
  const group = `${t.unique("versions")}.example.com`
  const first = await define(t, definitionOf(t, [versionOf("v4", foo)], { group }))
  const second = await define(t, definitionOf(t, [versionOf("v5", waldo)], { group }))
  await untilPublished(t, first, "v4", foo)
  await untilPublished(t, second, "v5", waldo)
})

conformance(
  `${prefix} works for multiple CRDs of same group and version but different kinds [Conformance]`,
  async (t) => {
    const group = `${t.unique("kinds")}.example.com`
    const first = await define(t, definitionOf(t, [versionOf("v6", foo)], { group }))
    const second = await define(t, definitionOf(t, [versionOf("v6", waldo)], { group }))
    await untilPublished(t, first, "v6", foo)
    await untilPublished(t, second, "v6", waldo)
  },
)

conformance(`${prefix} updates the published spec when one version gets renamed [Conformance]`, async (t) => {
  const definition = await define(t, definitionOf(t, [versionOf("v2", foo), versionOf("v3", foo)]))
  await untilPublished(t, definition, "v3", foo)
  const name = definition.metadata.name ?? ""
  const patch = [
    { op: "test", path: "/spec/versions/1/name", value: "v3" },
    { op: "replace", path: "/spec/versions/1/name", value: "v4" },
  ]
  const patched = await t.http("PATCH", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`, {
    body: patch,
    headers: { "content-type": "application/json-patch+json" },
  })
  assert.equal(patched.status, 200, patched.text)
  await untilPublished(t, definition, "v4", foo)
  await untilPublished(t, definition, "v3", "none")
  await untilPublished(t, definition, "v2", foo)
})

conformance(
  `${prefix} removes definition from spec when one version gets changed to not be served [Conformance]`,
  async (t) => {
    const definition = await define(t, definitionOf(t, [versionOf("v5", foo), versionOf("v6alpha1", foo)]))
    await untilPublished(t, definition, "v5", foo)
    await untilPublished(t, definition, "v6alpha1", foo)
    await redefine(t, definition.metadata.name ?? "", (draft) => {
      draft.spec.versions[1]!.served = false
    })
    await untilPublished(t, definition, "v6alpha1", "none")
    await untilPublished(t, definition, "v5", foo)
  },
)
