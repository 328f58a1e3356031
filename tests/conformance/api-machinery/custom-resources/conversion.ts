import assert from "node:assert/strict"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { startWatch } from "../../support/watches.ts"
import { startWebhookServer } from "../../support/webhook-server.ts"
import {
  type Custom,
  customObject,
  type Definition,
  define,
  definitionOf,
  inNamespace,
  redefine,
  refOf,
  versionOf,
} from "./support.ts"

const text = { type: "string" }
const v1Schema = { type: "object", properties: { hostPort: text } }
const v2Schema = { type: "object", properties: { host: text, port: text } }

interface Converting {
  namespace: string
  definition: Definition
}

/** A resource of two versions, which a webhook in the cluster converts. */
async function startConverting(t: ConformanceContext): Promise<Converting> {
  const namespace = await t.namespace()
  const webhook = await startWebhookServer(t, namespace, "crd-conversion-webhook")
  const definition = definitionOf(t, [
    versionOf("v1", v1Schema, { selectableFields: [{ jsonPath: ".hostPort" }] }),
    versionOf("v2", v2Schema, { selectableFields: [{ jsonPath: ".host" }, { jsonPath: ".port" }] }),
  ])
  const service = { namespace, name: webhook.service, port: webhook.port, path: "/crdconvert" }
  definition.spec.conversion = {
    strategy: "Webhook",
    webhook: { clientConfig: { service, caBundle: webhook.caBundle }, conversionReviewVersions: ["v1", "v1beta1"] },
  }
  const established = await define(t, definition)
  const probe = customObject(established, "v1", "probe", { hostPort: "localhost:1" })
  await t.client.resource(refOf(established, "v1")).create(inNamespace(probe, namespace))
  await t.until("the webhook to convert", async () => {
    const { group, names } = established.spec
    const { status } = await t.http("GET", `/apis/${group}/v2/namespaces/${namespace}/${names.plural}/probe`)
    return status === 200
  })
  await t.client.resource(refOf(established, "v1")).delete("probe", { namespace })
  return { namespace, definition: established }
}

const prefix = "[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin]"

function expectV2(object: Custom, host: string, port: string): void {
  assert.match(object.apiVersion, /\/v2$/)
  assert.deepEqual([object["host"], object["port"], object["hostPort"]], [host, port, undefined])
}

conformance(`${prefix} should be able to convert from CR v1 to CR v2 [Conformance]`, async (t) => {
  const { namespace, definition } = await startConverting(t)
  const object = customObject(definition, "v1", "cr-v1", { hostPort: "localhost:8080" })
  await t.client.resource(refOf(definition, "v1")).create(inNamespace(object, namespace))
  expectV2(await t.client.resource(refOf(definition, "v2")).get("cr-v1", { namespace }), "localhost", "8080")
})

conformance(`${prefix} should be able to convert a non homogeneous list of CRs [Conformance]`, async (t) => {
  const { namespace, definition } = await startConverting(t)
  const [v1, v2] = ["v1", "v2"].map((version) => t.client.resource(refOf(definition, version)))
  const first = customObject(definition, "v1", "name1", { hostPort: "localhost:8080" })
  await v1!.create(inNamespace(first, namespace))
  await redefine(t, definition.metadata.name ?? "", (draft) => {
    for (const version of draft.spec.versions) version.storage = version.name === "v2"
  })
  await t.until("the second object", async () => {
    const second = customObject(definition, "v2", "name2", { host: "remote", port: "443" })
    try {
      return await v2!.create(inNamespace(second, namespace))
    } catch {
      // For a moment the resource is not served.
      return undefined
    }
  })
  const { items } = await v2!.list({ namespace })
  assert.equal(items.length, 2)
  expectV2(items[0]!, "localhost", "8080")
  expectV2(items[1]!, "remote", "443")
  const old = await v1!.list({ namespace })
  assert.deepEqual(
    old.items.map((item) => item["hostPort"]),
    ["localhost:8080", "remote:443"],
  )
})

conformance(
  "[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector [Conformance]",
  async (t) => {
    const { namespace, definition } = await startConverting(t)
    const refs = { v1: refOf(definition, "v1"), v2: refOf(definition, "v2") }
    const v1 = t.client.resource(refs.v1)
    const v2 = t.client.resource(refs.v2)
    const byHostPort = startWatch(t, refs.v1, { namespace, fieldSelector: "hostPort=host1:80" })
    const byHost = startWatch(t, refs.v2, { namespace, fieldSelector: "host=host1" })
    const byBoth = startWatch(t, refs.v2, { namespace, fieldSelector: "host=host1,port=80" })
    for (const [name, hostPort] of [
      ["a", "host1:80"],
      ["b", "host1:8080"],
      ["c", "host2:80"],
    ] as const) {
      await v1.create(inNamespace(customObject(definition, "v1", name, { hostPort }), namespace))
    }
    const names = async (client: typeof v1, fieldSelector: string): Promise<(string | undefined)[]> =>
      (await client.list({ namespace, fieldSelector })).items.map(({ metadata }) => metadata.name)
    assert.deepEqual(await names(v1, "hostPort=host1:80"), ["a"])
    assert.deepEqual(await names(v2, "host=host1"), ["a", "b"])
    assert.deepEqual(await names(v2, "host=host1,port=80"), ["a"])
    assert.deepEqual(await names(v2, "host!=host1"), ["c"])
    for (const watch of [byHostPort, byHost, byBoth]) {
      await watch.next("a added", ({ type, object }) => type === "ADDED" && object.metadata.name === "a")
    }
    await byHost.next("b added", ({ type, object }) => type === "ADDED" && object.metadata.name === "b")

    const changed = structuredClone(await v1.get("a", { namespace }))
    changed["hostPort"] = "host1:8080"
    await v1.update(changed)
    await byHostPort.next("a leaves", ({ type, object }) => type === "DELETED" && object.metadata.name === "a")
    await byBoth.next("a leaves", ({ type, object }) => type === "DELETED" && object.metadata.name === "a")
    await byHost.next("a changes", ({ type, object }) => type === "MODIFIED" && object.metadata.name === "a")
    await v1.delete("b", { namespace })
    const gone = await byHost.next("b is deleted", ({ type }) => type === "DELETED")
    assert.equal(gone.object.metadata.name, "b")
    assert.deepEqual(await names(v2, "host=host1"), ["a"])
    for (const watch of [byHostPort, byHost, byBoth]) {
      assert.ok(watch.events.every(({ object }) => object.metadata.name !== "c"))
    }
  },
)
