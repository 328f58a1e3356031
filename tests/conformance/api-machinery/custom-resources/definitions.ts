import assert from "node:assert/strict"
import { conformance } from "../../support/registry.ts"
import { startWatch } from "../../support/watches.ts"
import {
  type Custom,
  customObject,
  type Definition,
  define,
  definitionOf,
  definitions,
  inNamespace,
  redefine,
  refOf,
  versionOf,
} from "./support.ts"

const simple =
  "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition"
const resources = "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin]"

conformance(`${simple} creating/deleting custom resource definition objects works [Conformance]`, async (t) => {
  const definition = await define(t, definitionOf(t, [versionOf("v1")]))
  const name = definition.metadata.name ?? ""
  await t.client.resource(definitions).delete(name)
  await t.until("the definition to be gone", async () => {
    const { status } = await t.http("GET", `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`)
    return status === 404
  })
})

conformance(`${simple} listing custom resource definition objects works [Conformance]`, async (t) => {
  const label = t.unique("list")
  const made: Definition[] = []
  for (let index = 0; index < 10; index++) {
    made.push(await define(t, definitionOf(t, [versionOf("v1")], { labels: { "e2e-list": label } })))
  }
  const other = await define(t, definitionOf(t, [versionOf("v1")]))
  const labelSelector = `e2e-list=${label}`
  const { items } = await t.client.resource(definitions).list({ labelSelector })
  assert.deepEqual(items.map(({ metadata }) => metadata.name).sort(), made.map(({ metadata }) => metadata.name).sort())
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  const deleted = await t.http("DELETE", `${path}?labelSelector=${encodeURIComponent(labelSelector)}`)
  assert.equal(deleted.status, 200, deleted.text)
  await t.until("the labelled definitions to be gone", async () => {
    return (await t.client.resource(definitions).list({ labelSelector })).items.length === 0
  })
  await t.client.resource(definitions).get(other.metadata.name ?? "")
})

conformance(
  `${simple} getting/updating/patching custom resource definition status sub-resource works [Conformance]`,
  async (t) => {
    const definition = await define(t, definitionOf(t, [versionOf("v1")]))
    const name = definition.metadata.name ?? ""
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}/status`
    const read = await t.http("GET", path)
    assert.equal(read.status, 200, read.text)
    const condition = (type: string) => ({ type, status: "True", reason: "E2E", message: "Set from an e2e test" })
    await t.until("the status to be updated", async () => {
      const { json } = await t.http("GET", path)
      const conditions = [...json.status.conditions, condition("StatusUpdate")]
      const body = { ...json, status: { ...json.status, conditions } }
      return (await t.http("PUT", path, { body })).status === 200
    })
    const { json } = await t.http("GET", path)
    assert.ok(json.status.conditions.some(({ type }: { type: string }) => type === "StatusUpdate"))
    const conditions = [...json.status.conditions, condition("StatusPatched")]
    const patched = await t.http("PATCH", path, {
      body: { status: { conditions } },
      headers: { "content-type": "application/merge-patch+json" },
    })
    assert.equal(patched.status, 200, patched.text)
    const types = ((await t.http("GET", path)).json.status.conditions as { type: string }[]).map(({ type }) => type)
    assert.ok(types.includes("StatusPatched") && types.includes("StatusUpdate"), String(types))
  },
)

conformance(
  `${resources} should include custom resource definition resources in discovery documents [Conformance]`,
  async (t) => {
    const groups = (await t.http("GET", "/apis")).json.groups as {
      name: string
      versions: { groupVersion: string }[]
    }[]
    const group = groups.find(({ name }) => name === "apiextensions.k8s.io")
    assert.ok(group?.versions.some(({ groupVersion }) => groupVersion === "apiextensions.k8s.io/v1"))
    const { json } = await t.http("GET", "/apis/apiextensions.k8s.io")
    assert.equal(json.name, "apiextensions.k8s.io")
    assert.ok(json.versions.some(({ version }: { version: string }) => version === "v1"))
    const list = (await t.http("GET", "/apis/apiextensions.k8s.io/v1")).json.resources as { name: string }[]
    assert.ok(list.some(({ name }) => name === "customresourcedefinitions"))
  },
)

conformance(`${resources} custom resource defaulting for requests and from storage works [Conformance]`, async (t) => {
  const schema = (defaults: Record<string, string>): object => ({
    type: "object",
    properties: Object.fromEntries(
      ["a", "b"].map((name) => [name, { type: "string", ...(defaults[name] ? { default: defaults[name] } : {}) }]),
    ),
  })
  const namespace = await t.namespace()
  const definition = await define(t, definitionOf(t, [versionOf("v1", schema({}))]))
  const client = t.client.resource(refOf(definition, "v1"))
  await client.create(inNamespace(customObject(definition, "v1", "one"), namespace))
  const name = definition.metadata.name ?? ""
  const setDefaults = (defaults: Record<string, string>): Promise<Definition> =>
    redefine(t, name, (draft) => {
      draft.spec.versions = [versionOf("v1", schema(defaults), { storage: true })]
    })
  const read = async (which: string): Promise<Custom> => await client.get(which, { namespace })

  await setDefaults({ a: "A" })
  await t.until("the default of what was kept", async () => (await read("one"))["a"] === "A")
  const second = await client.create(inNamespace(customObject(definition, "v1", "two"), namespace))
  assert.equal(second["a"], "A")

  await setDefaults({ b: "B" })
  await t.until("the other default", async () => (await read("two"))["b"] === "B")
  assert.equal((await read("two"))["a"], "A", "what was stored with a default keeps it")
  assert.equal((await read("one"))["a"], undefined)
})

conformance(
  "[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const definition = await define(t, definitionOf(t, [versionOf("v1")]))
    const ref = refOf(definition, "v1")
    const client = t.client.resource(ref)
    const watch = startWatch(t, ref, { namespace })
    for (const name of ["name1", "name2"]) {
      const made = await client.create(
        inNamespace(customObject(definition, "v1", name, { content: "first" }), namespace),
      )
      await watch.next(`${name} added`, ({ type, object }) => type === "ADDED" && object.metadata.name === name)
      await client.update({ ...structuredClone(made), content: "second" } as Custom)
      const changed = await watch.next(`${name} modified`, ({ type }) => type === "MODIFIED")
      assert.equal((changed.object as Custom)["content"], "second")
    }
    for (const name of ["name1", "name2"]) {
      await client.delete(name, { namespace })
      const gone = await watch.next(`${name} deleted`, ({ type }) => type === "DELETED")
      assert.equal(gone.object.metadata.name, name)
    }
  },
)
