import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import { refusalOf, rule, startAdmission, type Webhook } from "../../support/admission.ts"
import { expectDiscovered } from "../../support/api-operations.ts"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { updateObject } from "../../support/workloads.ts"

const prefix = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin]"
const apiVersion = "admissionregistration.k8s.io/v1" as const
const disallowed = { "webhook-e2e-test": "webhook-disallow" }
const rules = [rule(["CREATE"], ["configmaps"])]

const configMap = (namespace: string, name: string, data: Record<string, string>): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
})

conformance(`${prefix} should include webhook resources in discovery documents [Conformance]`, async (t) => {
  await expectDiscovered(t, refs.mutatingwebhookconfigurations)
  await expectDiscovered(t, refs.validatingwebhookconfigurations)
})

type Configuration = KubeObject & { webhooks?: Webhook[] }

interface Sort {
  word: "mutating" | "validating"
  ref: ResourceRef<Configuration>
  path: string
  /** What a configmap is made of, and whether its outcome shows that the webhook was asked. */
  data: Record<string, string>
  isAsked(create: () => Promise<corev1.ConfigMap>): Promise<boolean>
}

const sorts: readonly Sort[] = [
  {
    word: "mutating",
    ref: refs.mutatingwebhookconfigurations as unknown as ResourceRef<Configuration>,
    path: "/mutating-configmaps",
    data: { "mutation-start": "yes" },
    isAsked: async (create) => (await create()).data?.["mutation-stage-1"] === "yes",
  },
  {
    word: "validating",
    ref: refs.validatingwebhookconfigurations as unknown as ResourceRef<Configuration>,
    path: "/configmaps",
    data: disallowed,
    async isAsked(create) {
      try {
        await create()
        return false
      } catch (error) {
        assert.match((error as Error).message, /denied the request/)
        return true
      }
    },
  },
]

for (const sort of sorts) {
  const { word, ref, data, path } = sort
  const asked = (t: ConformanceContext, namespace: string) => () =>
    sort.isAsked(() => t.client.resource(refs.configmaps).create(configMap(namespace, t.unique("map"), data)))

  conformance(`${prefix} listing ${word} webhooks should work [Conformance]`, async (t) => {
    const hooks = await startAdmission(t)
    const configurations = []
    for (let index = 0; index < 10; index++) configurations.push(await hooks[word]({ path, rules }))
    const labelSelector = `${Object.keys(configurations[0]?.metadata.labels ?? {})[0]}=true`
    const resource = t.client.resource(ref)
    assert.equal((await resource.list({ labelSelector })).items.length, 10)
    await hooks.ready()
    const isAsked = asked(t, hooks.namespace)
    assert.equal(await isAsked(), true)
    await resource.deleteCollection({ labelSelector })
    await t.until("the webhooks to be gone", async () => !(await isAsked()))
  })

  conformance(`${prefix} patching/updating a ${word} webhook should work [Conformance]`, async (t) => {
    const hooks = await startAdmission(t)
    const { metadata } = await hooks[word]({ path, rules })
    const name = metadata.name ?? ""
    await hooks.ready()
    const isAsked = asked(t, hooks.namespace)
    assert.equal(await isAsked(), true)
    const changed = await updateObject(t, ref, { name }, (draft) => {
      for (const { rules: [first] = [] } of draft.webhooks ?? []) if (first) first.operations = ["UPDATE"]
    })
    assert.deepEqual(changed.webhooks?.[0]?.rules?.[0]?.operations, ["UPDATE"])
    await t.until("the webhook not to be asked", async () => !(await isAsked()))
    await t.client
      .resource(ref)
      .patch(name, "json", [{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["CREATE"] }])
    await t.until("the webhook to be asked again", isAsked)
  })

  conformance(
    `${prefix} should be able to create and update ${word} webhook configurations with match conditions [Conformance]`,
    async (t) => {
      const hooks = await startAdmission(t)
      const first = [{ name: "expression-1", expression: "object.metadata.namespace == 'production'" }]
      const { metadata, webhooks } = await hooks[word]({ path, rules, matchConditions: first })
      const name = metadata.name ?? ""
      assert.deepEqual(webhooks?.[0]?.matchConditions, first)
      const second = [...first, { name: "expression-2", expression: "object.metadata.namespace == 'staging'" }]
      await updateObject(t, ref, { name }, (draft) => {
        if (draft.webhooks?.[0]) draft.webhooks[0].matchConditions = second
      })
      assert.deepEqual((await t.client.resource(ref).get(name)).webhooks?.[0]?.matchConditions, second)
    },
  )

  conformance(
    `${prefix} should reject ${word} webhook configurations with invalid match conditions [Conformance]`,
    async (t) => {
      const name = t.unique("invalid")
      const resource = t.client.resource(ref)
      t.defer(() => resource.delete(name))
      const webhook = {
        name: "invalid-match-conditions.k8s.io",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        clientConfig: { url: "https://127.0.0.1:1/none" },
        rules,
        namespaceSelector: { matchLabels: { [name]: "true" } },
        matchConditions: [{ name: "invalid-expression-1", expression: "... [] bad expression" }],
      } as Webhook
      const kind = ref.kind
      const message = await refusalOf(resource.create({ apiVersion, kind, metadata: { name }, webhooks: [webhook] }))
      assert.match(message, /compilation failed/)
    },
  )
}
