import assert from "node:assert/strict"
import { type apiextensionsv1, refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import { refusalOf, rule, startAdmission } from "../../support/admission.ts"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"

const prefix = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]"

interface Custom extends KubeObject {
  data?: Record<string, string>
}

type Schema = apiextensionsv1.JSONSchemaProps

const open: Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true }
/** Only the first of the two keys that webhooks add. */
const closed: Schema = {
  type: "object",
  properties: {
    data: {
      type: "object",
      properties: { "mutation-start": { type: "string" }, "mutation-stage-1": { type: "string" } },
    },
  },
}

/** Defines a resource of the test's own and waits until it is served. */
async function define(
  t: ConformanceContext,
  versions: readonly string[],
  schema: Schema,
): Promise<{ ref(version: string): ResourceRef<Custom>; group: string; plural: string; name: string }> {
  const group = `${t.unique("g")}.example.com`
  const plural = "e2e-test-webhook-crds"
  const kind = "E2eTestWebhookCrd"
  const name = `${plural}.${group}`
  const definitions = t.client.resource(refs.customresourcedefinitions)
  t.defer(() => definitions.delete(name))
  await definitions.create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind, singular: "e2e-test-webhook-crd", listKind: `${kind}List` },
      versions: versions.map((version, index) => ({
        name: version,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: schema },
      })),
    },
  })
  await t.until(`${name} to be established`, async () => {
    const { status } = await definitions.get(name)
    return status?.conditions?.some((one) => one.type === "Established" && one.status === "True")
  })
  const ref = (version: string): ResourceRef<Custom> => ({ group, version, resource: plural, kind, namespaced: true })
  for (const version of versions) {
    await t.until(`${version} to be served`, async () => {
      const answer = await t.http("GET", `/apis/${group}/${version}/${plural}`)
      return answer.status === 200
    })
  }
  return { ref, group, plural, name }
}

const custom = (ref: ResourceRef<Custom>, namespace: string, name: string, data: Record<string, string>): Custom => ({
  apiVersion: `${ref.group}/${ref.version}`,
  kind: ref.kind,
  metadata: { name, namespace },
  data,
})

const disallowed = { "webhook-e2e-test": "webhook-disallow" }

conformance(
  `${prefix} should be able to deny custom resource creation, update and deletion [Conformance]`,
  async (t) => {
    const hooks = await startAdmission(t)
    const { namespace } = hooks
    const { ref, group, plural } = await define(t, ["v1"], open)
    const rules = [rule(["CREATE", "UPDATE", "DELETE"], [plural], group, ["v1"])]
    const { metadata } = await hooks.validating({ path: "/custom-resource", rules })
    await hooks.ready()
    const resource = t.client.resource(ref("v1"))
    const unwanted = /the custom resource contains unwanted data/
    assert.match(await refusalOf(resource.create(custom(ref("v1"), namespace, "bad", disallowed))), unwanted)
    const made = await resource.create(custom(ref("v1"), namespace, "good", { "webhook-e2e-test": "webhook-allow" }))
    assert.match(await refusalOf(resource.update({ ...made, data: disallowed })), unwanted)
    await t.client.resource(refs.validatingwebhookconfigurations).delete(metadata.name ?? "")
    await t.until("the object to be changed", async () => {
      const draft = await resource.get("good", { namespace })
      return resource.update({ ...draft, data: disallowed }).catch(() => undefined)
    })
    await hooks.validating({ path: "/custom-resource", rules })
    await hooks.ready()
    assert.match(await refusalOf(resource.delete("good", { namespace })), unwanted)
    await t.until("the object to be changed back", async () => {
      const draft = await resource.get("good", { namespace })
      return resource.update({ ...draft, data: { "webhook-e2e-test": "webhook-allow" } })
    })
    await resource.delete("good", { namespace })
  },
)

conformance(`${prefix} should mutate custom resource [Conformance]`, async (t) => {
  const hooks = await startAdmission(t)
  const { ref, group, plural } = await define(t, ["v1"], open)
  const rules = [rule(["CREATE", "UPDATE"], [plural], group, ["v1"])]
  const path = "/mutating-custom-resource"
  await hooks.mutating({ path, rules }, { path, rules })
  await hooks.ready()
  const object = custom(ref("v1"), hooks.namespace, "cr-instance-1", { "mutation-start": "yes" })
  const made = await t.client.resource(ref("v1")).create(object)
  assert.deepEqual(made.data, { "mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" })
})

conformance(`${prefix} should mutate custom resource with pruning [Conformance]`, async (t) => {
  const hooks = await startAdmission(t)
  const { ref, group, plural } = await define(t, ["v1"], closed)
  const rules = [rule(["CREATE", "UPDATE"], [plural], group, ["v1"])]
  const addUnknown = { path: "/add-unknown", rules }
  await hooks.mutating({ path: "/mutating-custom-resource", rules }, addUnknown)
  await hooks.ready()
  const object = custom(ref("v1"), hooks.namespace, "cr-instance-1", { "mutation-start": "yes" })
  const made = await t.client.resource(ref("v1")).create(object)
  assert.deepEqual(made.data, { "mutation-start": "yes", "mutation-stage-1": "yes" })
})

conformance(`${prefix} should mutate custom resource with different stored version [Conformance]`, async (t) => {
  const hooks = await startAdmission(t)
  const { namespace } = hooks
  const { ref, group, plural, name } = await define(t, ["v1", "v2"], open)
  const rules = [rule(["CREATE", "UPDATE"], [plural], group, ["*"])]
  await hooks.mutating({ path: "/mutating-custom-resource", rules })
  await hooks.ready()
  const one = t.client.resource(ref("v1"))
  await one.create(custom(ref("v1"), namespace, "cr-instance-1", { "mutation-start": "yes" }))
  const schema = { openAPIV3Schema: open }
  await t.client.resource(refs.customresourcedefinitions).patch(name, "merge", {
    spec: {
      versions: [
        { name: "v1", storage: false, served: true, schema },
        { name: "v2", storage: true, served: true, schema },
      ],
    },
  })
  const two = t.client.resource(ref("v2"))
  const patched = await t.until("the patch in the new version", () =>
    two.patch("cr-instance-1", "merge", { data: { "mutation-start": "yes", other: "value" } }, { namespace }),
  )
  assert.equal(patched.data?.["other"], "value")
  assert.equal(patched.data?.["mutation-stage-1"], "yes")
  await t.until("the object to be kept in the new version", async () => {
    const kept = await two.get("cr-instance-1", { namespace })
    return kept.data?.["mutation-stage-1"] === "yes" && kept.apiVersion === `${group}/v2`
  })
})

conformance(`${prefix} should deny crd creation [Conformance]`, async (t) => {
  const hooks = await startAdmission(t)
  const label = t.unique("crd")
  await hooks.validating({
    path: "/crd",
    rules: [rule(["CREATE"], ["customresourcedefinitions"], "apiextensions.k8s.io", ["*"])],
    namespaceSelector: {},
    objectSelector: { matchLabels: { crd: label } },
  })
  await hooks.ready()
  const group = `${label}.example.com`
  const names = { plural: "tests", kind: "Test", singular: "test", listKind: "TestList" }
  const definitions = t.client.resource(refs.customresourcedefinitions)
  t.defer(() => definitions.delete(`tests.${group}`))
  const create = definitions.create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `tests.${group}`, labels: { ...disallowed, crd: label } },
    spec: {
      group,
      scope: "Namespaced",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: open } }],
    },
  })
  assert.match(await refusalOf(create), /the crd contains unwanted label/)
})
